"""The relay of one process: one term after the other, until it is told to stop."""

from functools import partial

from waypost.engine.periodic_loop import FunctionLoop, PeriodicLoop
from waypost.engine.relay.gauges import MEASURE_SECONDS, measure
from waypost.engine.relay.state import RelayState
from waypost.engine.relay.term import Term
from waypost.kernel.backoff import Backoff
from waypost.ports.broker import Broker
from waypost.ports.doorbell import Wakeups
from waypost.ports.outbox import Outbox

PAUSES = Backoff(first_seconds=0.05, factor=2.0, most_seconds=2.0)


class Relay(PeriodicLoop):
    """Each tick is a term, which lasts until its first error or until the relay drains."""

    name = "relay"

    def __init__(self, outbox: Outbox, broker: Broker, wakeups: Wakeups) -> None:
        super().__init__(every_seconds=0.0, wakeup=wakeups.subscribe("outbox"), backoff=PAUSES)
        self._outbox = outbox
        self._broker = broker
        self._state = RelayState()
        self._gauges = FunctionLoop(partial(measure, outbox), name=f"{self.name} gauges", every_seconds=MEASURE_SECONDS)

    async def start(self) -> None:
        await super().start()
        await self._gauges.start()

    async def stop(self) -> None:
        """A drain reads no more, and awaits and deletes what is on its way; what its deadline cut
        off stays in the outbox.
        """
        await super().stop()
        await self._gauges.stop()

    async def tick(self) -> None:
        term = Term(self._state, self.wakeup, self.draining)
        try:
            await self._serve(term)
        finally:
            if term.made_progress:
                self.failures = 0

    def tick_failed(self, error: BaseException) -> None:
        """Whatever it was, the rows are still there: the next term reads them."""
        self._state.record_failure(error)

    async def _serve(self, term: Term) -> None:
        """The broker comes first: a relay that cannot publish leaves the shards to one that can."""
        async with self._broker.publisher() as publisher, self._outbox.lease() as lease:
            await self._state.refused_rows.quarantine(lease)
            self.ready.set()
            await term.run(lease, publisher)
