"""The relay of one process: runs one term after the other until it stops."""

from waypost.engine.periodic_loop import FunctionLoop, PeriodicLoop
from waypost.engine.relay.state import RelayState
from waypost.engine.relay.term import Term
from waypost.kernel.backoff import Backoff
from waypost.ports.broker import Broker
from waypost.ports.outbox import Outbox
from waypost.ports.wakeups import Wakeups
from waypost.telemetry import metrics

MEASURE_SECONDS = 15.0
PAUSES = Backoff(first_seconds=0.05, factor=2.0, max_seconds=2.0)


class Relay(PeriodicLoop):
    """Publishes outbox rows. Each tick is a term, which lasts until its first error or until the
    relay drains.
    """

    name = "relay"

    def __init__(self, outbox: Outbox, broker: Broker, wakeups: Wakeups) -> None:
        super().__init__(every_seconds=0.0, wakeup=wakeups.subscribe("outbox"), backoff=PAUSES)
        self._outbox = outbox
        self._broker = broker
        self._state = RelayState(self.wakeup)
        self._gauge_loop = FunctionLoop(self._update_gauges, name=f"{self.name} gauges", every_seconds=MEASURE_SECONDS)

    async def start(self) -> None:
        await super().start()
        await self._gauge_loop.start()

    async def stop(self) -> None:
        """Ends the relay. A drain before it reads no more rows, and awaits and deletes those in
        flight; rows cut off by its deadline stay in the outbox.
        """
        await super().stop()
        await self._gauge_loop.stop()

    async def makes_progress(self) -> None:
        """For readiness probes. Raises PartitionsHeld while a partition accepts no records."""
        await self._state.held_partitions.require_none()

    async def tick(self) -> None:
        term = Term(self._state, self.wakeup, self.draining, self.ready)
        try:
            await self._serve(term)
        finally:
            if term.made_progress:
                self.failures = 0

    def tick_failed(self, error: BaseException) -> None:
        """Records the failure. The rows are still stored: the next term reads them."""
        self._state.record_failure(error)

    async def _serve(self, term: Term) -> None:
        """Opens the producer first: a relay that cannot publish leaves the shards to one that
        can.
        """
        async with self._broker.publisher() as publisher, self._outbox.lease() as lease:
            await term.run(lease, publisher)

    async def _update_gauges(self) -> None:
        self._state.held_partitions.drop_stale()
        await update_gauges(self._outbox)


async def update_gauges(outbox: Outbox) -> None:
    """Measures the backlog of the outbox. Runs independently of terms, because the values matter
    most while the broker is unavailable. Raises Transient; the gauges then keep their last values.
    """
    backlog = await outbox.backlog()
    waited = (backlog.now - backlog.oldest_at).total_seconds() if backlog.oldest_at else 0.0
    metrics.OUTBOX_PENDING.set(backlog.pending)
    metrics.OUTBOX_OLDEST_AGE.set(max(waited, 0.0))
    metrics.OUTBOX_QUARANTINED_KEYS.set(backlog.quarantined_keys)
