"""The relay of one process: one term after the other, until it is told to stop."""

import asyncio
import contextlib

from waypost.engine.relay.gauges import measure_on
from waypost.engine.relay.state import RelayState
from waypost.engine.relay.term import Term
from waypost.kernel.backoff import Backoff
from waypost.ports.broker import Broker
from waypost.ports.doorbell import Wakeups
from waypost.ports.outbox import Outbox

PAUSES = Backoff(first_seconds=0.05, factor=2.0, most_seconds=2.0)


class Relay:
    name = "relay"

    def __init__(self, outbox: Outbox, broker: Broker, wakeups: Wakeups) -> None:
        self.ready = asyncio.Event()
        self._outbox = outbox
        self._broker = broker
        self._wakeup = wakeups.subscribe("outbox")
        self._state = RelayState()
        self._draining = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._measuring: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._running = asyncio.create_task(self._run(), name=self.name)
        self._measuring = asyncio.create_task(measure_on(self._outbox), name=f"{self.name} gauges")

    async def drain(self, deadline_seconds: float) -> None:
        """Reads no more; what is on its way is awaited and deleted. What the deadline cuts off stays in the outbox."""
        self._draining.set()
        self._wakeup.set()
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=deadline_seconds)

    async def stop(self) -> None:
        self._draining.set()
        for task in filter(None, (self._running, self._measuring)):
            task.cancel()
            await asyncio.wait({task})
        self._running = self._measuring = None

    async def _run(self) -> None:
        failures = 0
        while not self._draining.is_set():
            term = Term(self._state, self._wakeup, self._draining)
            try:
                await self._serve(term)
            except Exception as error:  # noqa: BLE001 - whatever it was, the rows are still there: the next term reads them
                failures = 1 if term.made_progress else failures + 1
                self._state.record_failure(error)
            finally:
                self.ready.clear()
            await self._pause(failures)

    async def _serve(self, term: Term) -> None:
        """The broker comes first: a relay that cannot publish leaves the shards to one that can."""
        async with self._broker.publisher() as publisher, self._outbox.lease() as lease:
            await self._state.refused_rows.quarantine(lease)
            self.ready.set()
            await term.run(lease, publisher)

    async def _pause(self, failures: int) -> None:
        """Before the next term; cut short when the relay is to stop."""
        if failures == 0:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._draining.wait(), PAUSES.seconds(failures))
