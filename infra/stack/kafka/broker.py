"""The broker as a component: start, ready, stop; kill, pause and resume for those who test faults."""

import shutil
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from infra.stack.child import Child
from infra.stack.kafka.installation import Installation, cluster_id, install, write_properties
from infra.stack.ports import LOOPBACK
from infra.stack.probes import accepts_tcp, until_ready


class Kafka:
    """One KRaft broker on the loopback address. Its log survives stop, kill and a new start on the same directory."""

    def __init__(
        self,
        directory: Path,
        *,
        port: int,
        controller_port: int,
        log: Path | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        self._directory = directory
        self._port = port
        self._controller_port = controller_port
        self._log = log or directory / "kafka.log"
        self._options = options
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
        """Returns once the broker answers a metadata request. Raises SetUpFailed or StartFailed."""
        await self.start_with(await install())

    async def start_with(self, installation: Installation) -> None:
        properties = self._prepare(installation)
        options = self._options or (f"-XX:SharedArchiveFile={installation.archive}", "-Xlog:disable")
        command = installation.command("kafka.Kafka", str(properties), options=options)
        self._child = Child(command, log=self._log)
        await self._child.start()
        await until_ready("Kafka", self._child, self.answers, deadline_seconds=60)

    async def answers(self) -> bool:
        """Whether a client gets the cluster's metadata."""
        if not await accepts_tcp(LOOPBACK, self._port):
            return False
        client = AIOKafkaClient(bootstrap_servers=self.bootstrap, request_timeout_ms=2000)
        try:
            await client.bootstrap()
        except (KafkaError, OSError):
            return False
        finally:
            await client.close()
        return True

    async def stop(self, deadline_seconds: float = 15) -> None:
        if self._child:
            await self._child.stop(deadline_seconds)

    async def kill(self) -> None:
        """SIGKILL, as when the machine's memory runs out."""
        if self._child:
            await self._child.kill()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered."""
        self.child.pause()

    def resume(self) -> None:
        self.child.resume()

    def _prepare(self, installation: Installation) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        data = self._directory / "data"
        if not (data / "meta.properties").exists():
            self._copy_formatted(installation.formatted, data)
        return write_properties(self._directory, port=self._port, controller_port=self._controller_port, data=data)

    def _copy_formatted(self, formatted: Path, data: Path) -> None:
        """Every broker gets an identity of its own: two clusters with one id would confuse their clients."""
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(formatted, data)
        identity = {"version": "1", "node.id": "1", "cluster.id": cluster_id(), "directory.id": cluster_id()}
        lines = "".join(f"{key}={value}\n" for key, value in identity.items())
        (data / "meta.properties").write_text(lines)
