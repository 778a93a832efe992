"""The component of a secure stack that encrypts connections to PostgreSQL."""

from pathlib import Path

from waypost.devstack.parts import START_SECONDS, Environment, python_child
from waypost.native.certificates import Certificate
from waypost.native.child import Child
from waypost.native.ports import LOOPBACK
from waypost.native.probes import accepts_tcp, until_ready

MODULE = "waypost.native.postgres.tls_front"


class PostgresTls:
    """A `waypost.devstack.parts.Server`. It ends with the stack; its sessions end with it."""

    def __init__(self, *, port: int, server_port: int, certificate: Certificate, log: Path) -> None:
        self._port = port
        self._arguments = (MODULE, str(port), str(server_port), str(certificate.certificate), str(certificate.key))
        self._log = log
        self._child = self._new_child()

    @property
    def child(self) -> Child:
        return self._child

    async def start(self) -> None:
        self._child = self._new_child()
        await self._child.start()
        await until_ready(MODULE, self._child, self.is_reachable, START_SECONDS)

    async def is_reachable(self) -> bool:
        return await accepts_tcp(LOOPBACK, self._port)

    async def stop(self, deadline_seconds: float = 5) -> None:
        await self._child.stop(deadline_seconds)

    def _new_child(self) -> Child:
        environment: Environment = {}
        return python_child(*self._arguments, environment=environment, log=self._log)
