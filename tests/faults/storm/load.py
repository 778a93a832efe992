"""The open loop: journeys begin at the requested rate, independent of the progress of earlier
ones.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from infra.stack.addresses import Addresses
from tests.faults.storm.caller import Caller
from tests.faults.storm.journal import Journal
from tests.faults.storm.journeys import JOURNEYS, Journey, Journeys, next_journey, open_tenant
from tests.faults.storm.people import People
from tests.faults.storm.traffic import Traffic

JOURNEYS_PER_SECOND = 1.0
MAX_CONCURRENT = 60
"""Limit of concurrent journeys; more would test this machine. Further ones are dropped."""
LAST_STEPS_SECONDS = 15
FIRST_TENANTS = 4
VISITORS = 3
VISIT_PAUSE_SECONDS = 0.1


class Load:
    def __init__(self, at: Addresses, journal: Journal, seed: int, journeys: Journeys = JOURNEYS) -> None:
        self._dice = random.Random(f"{seed} load")  # noqa: S311 - repeatable is what it has to be
        self._http = httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_keepalive_connections=20))
        self._journeys = journeys
        self.traffic = Traffic(self._http)
        self.caller = Caller(self.traffic, journal, self._dice)
        self.people = People(at, self.caller, self._dice)
        self._stopping = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._broken: list[BaseException] = []

    async def begin(self) -> None:
        """Opens a few tenants, so that data could be mixed up between them."""
        await asyncio.gather(*(open_tenant(self.people) for _ in range(FIRST_TENANTS)))

    async def run(self) -> None:
        """Runs until `stop`; then current journeys may end, and the others are cancelled. Raises
        the error of a failed journey.
        """
        stopped = asyncio.create_task(self._stopping.wait())
        while not stopped.done():
            if len(self._under_way) < MAX_CONCURRENT:
                self._set_out()
            await asyncio.wait({stopped}, timeout=self._dice.expovariate(JOURNEYS_PER_SECOND))
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=LAST_STEPS_SECONDS)
        for journey in self._under_way:
            journey.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._http.aclose()
        if self._broken:
            raise BaseExceptionGroup("journeys that broke", self._broken)

    def stop(self) -> None:
        self._stopping.set()

    @asynccontextmanager
    async def visitors(self, journey: Journey) -> AsyncIterator[None]:
        """Users inside the block who repeat this journey, so that requests are mostly open."""
        leaving = asyncio.Event()

        async def repeat() -> None:
            while not leaving.is_set():
                await journey(self.people)
                await asyncio.sleep(VISIT_PAUSE_SECONDS)

        visitors = [asyncio.create_task(repeat(), name="visitor") for _ in range(VISITORS)]
        try:
            yield
        finally:
            leaving.set()
            await asyncio.gather(*visitors)

    def _set_out(self) -> None:
        journey = asyncio.create_task(next_journey(self.people, self._journeys)(self.people))
        self._under_way.add(journey)
        journey.add_done_callback(self._end)

    def _end(self, journey: "asyncio.Task[None]") -> None:
        self._under_way.discard(journey)
        if not journey.cancelled() and (error := journey.exception()):
            self._broken.append(error)
