"""The live view on a separate broker, in processes that a test kills, and in the test's process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from infra.stack.places import inherited
from services.billing.live.view import LiveView
from tests.fixtures.forked import ForkedProgram
from tests.fixtures.movements import CODEC, Invoices, PublishedTotals, published_totals
from waypost.kafka.topic_creation import ensure_topics
from waypost.native.child import Child
from waypost.schemas.topics import declared_topics
from waypost.testing.eventually import eventually
from waypost.testing.kafka import Broker


class LiveRig:
    def __init__(self, kafka: Broker, totals: PublishedTotals, folder: Path) -> None:
        self.bootstrap = kafka.bootstrap
        self.totals = totals
        self._folder = folder

    @asynccontextmanager
    async def process(self, failpoints: str = "") -> AsyncIterator[Child]:
        environment = {**inherited(), "BOOTSTRAP": self.bootstrap, "WAYPOST_FAILPOINTS": failpoints}
        child = ForkedProgram("tests.faults.live_process", log=self._folder / "live.log", environment=environment)
        await child.start()
        try:
            yield child
        finally:
            await child.kill()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LiveView]:
        view = LiveView(self.bootstrap, CODEC)
        await view.start()
        try:
            yield view
        finally:
            await view.drain(deadline_seconds=10)
            await view.stop()

    async def agrees_with(self, invoices: Invoices) -> None:
        """Waits until the published totals equal those of the invoices. Totals never fall, so an
        excess would stay visible.
        """

        async def agree() -> bool:
            assert await self.totals.latest() == invoices.windows()
            return True

        await eventually(agree, deadline_seconds=45)


@asynccontextmanager
async def live_rig(kafka: Broker, folder: Path) -> AsyncIterator[LiveRig]:
    await ensure_topics(kafka.bootstrap, declared_topics())
    async with published_totals(kafka.bootstrap) as totals:
        yield LiveRig(kafka, totals, folder)
