"""The live view on a broker of the test's own, in processes that the test starts and kills."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from infra.kafka.topics import declared_topics, ensure_topics
from infra.stack.child import Child, inherited
from infra.stack.places import CHECKOUT
from infra.stack.ports import LOOPBACK, free_ports
from tests.fixtures.eventually import eventually
from tests.fixtures.kafka import Broker
from tests.fixtures.movements import Invoices, published_windows
from tests.fixtures.serving import caller


class LiveRig:
    def __init__(self, kafka: Broker, folder: Path) -> None:
        self.kafka = kafka
        self.bootstrap = kafka.bootstrap
        self._folder = folder

    @asynccontextmanager
    async def process(self, failpoints: str = "") -> AsyncIterator["LiveProcess"]:
        (port,) = free_ports(1)
        environment = {
            **inherited(),
            "WAYPOST_SERVICE_PORT": str(port),
            "WAYPOST_KAFKA_BOOTSTRAP": self.bootstrap,
            "WAYPOST_FAILPOINTS": failpoints,
            "OTEL_TRACES_EXPORTER": "none",
        }
        command = [sys.executable, "-m", "tests.faults.live_process", "live"]
        child = Child(command, log=self._folder / "live.log", environment=environment, directory=CHECKOUT)
        await child.start()
        try:
            yield LiveProcess(child, port)
        finally:
            await child.kill()

    async def agrees_with(self, invoices: Invoices, *, deadline_seconds: float = 40) -> None:
        """Waits until what was published is what the invoices come to. Totals never fall: too much would stay too much."""

        async def agree() -> bool:
            assert await published_windows(self.bootstrap) == invoices.windows()
            return True

        await eventually(agree, deadline_seconds=deadline_seconds)


class LiveProcess:
    def __init__(self, child: Child, port: int) -> None:
        self.child = child
        self._port = port

    async def becomes_ready(self) -> None:
        await eventually(self._is_ready, deadline_seconds=40)

    async def _is_ready(self) -> bool:
        try:
            async with caller(f"http://{LOOPBACK}:{self._port}") as http:
                return (await http.get("/readyz")).is_success
        except httpx.TransportError:
            return False


async def live_rig(kafka: Broker, folder: Path) -> LiveRig:
    await ensure_topics(kafka.bootstrap, declared_topics())
    return LiveRig(kafka, folder)
