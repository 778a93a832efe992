"""A Kafka broker process: start, readiness, stop; kill, pause and resume for fault tests."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

from waypost.native.child import Child
from waypost.native.configuration.kafka import Listener
from waypost.native.configuration.kafka_security import BrokerSecurity
from waypost.native.kafka.installation import ClusterNode
from waypost.native.kafka.installer import install
from waypost.native.kafka.probe import START_SECONDS, is_reachable
from waypost.native.ports import LOOPBACK
from waypost.native.probes import accepts_tcp, until_ready

Probe = Callable[[], Awaitable[bool]]


class Kafka:
    """A KRaft broker on the loopback address, alone or as a member of a cluster. Its data survives
    stop, kill and a new start in the same directory.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int,
        controller_port: int,
        log: Path | None = None,
        further: Mapping[str, Listener] | None = None,
        cluster_node: ClusterNode | None = None,
        security: BrokerSecurity | None = None,
        probe: Probe | None = None,
    ) -> None:
        """`further` are more listeners, by name. A client receives the advertised address of the
        listener that it connected to.

        With `security`, clients of the first listener use TLS and sign in. `probe` then returns
        True if a client that does so receives the cluster's metadata.
        """
        self._security = security
        self._probe = probe or partial(is_reachable, port)
        self._directory = directory
        self._port = port
        self._further = further
        self._cluster_node = cluster_node or ClusterNode(controller_ports=[controller_port])
        self._log = log or directory / "kafka.log"
        self._child: Child | None = None

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self._port}"

    @property
    def child(self) -> Child:
        if self._child is None:
            raise ProcessLookupError("the broker has not been started")
        return self._child

    async def start(self) -> None:
        """Returns once the broker answers a metadata request; for that, most brokers of its cluster
        must run. Raises SetUpFailed or StartFailed.
        """
        installation = await install()
        command = installation.broker(
            self._directory,
            port=self._port,
            cluster_node=self._cluster_node,
            options=(f"-XX:SharedArchiveFile={installation.archive}", "-Xlog:disable"),
            further=self._further,
            security=self._security,
        )
        self._child = Child(command, log=self._log)
        await self._child.start()
        await until_ready("Kafka", self._child, self.is_reachable, START_SECONDS)

    async def is_reachable(self) -> bool:
        """True if a client receives the cluster's metadata."""
        return await accepts_tcp(LOOPBACK, self._port) and await self._probe()

    async def stop(self, deadline_seconds: float = 15) -> None:
        if self._child:
            await self._child.stop(deadline_seconds)

    async def kill(self) -> None:
        """Sends SIGKILL, as the kernel does when memory is exhausted."""
        if self._child:
            await self._child.kill()

    def pause(self) -> None:
        """Sends SIGSTOP: connections stay open, requests get no answer."""
        self.child.pause()

    def resume(self) -> None:
        self.child.resume()
