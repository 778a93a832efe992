"""How far the outbox is behind, for Prometheus; measured all the more while the broker is away."""

import asyncio
import contextlib

from waypost.kernel.errors import Transient
from waypost.ports.outbox import Outbox
from waypost.telemetry import metrics

MEASURE_SECONDS = 5.0


async def measure_on(outbox: Outbox) -> None:
    """For ever. While the database is away the gauges stand still; its own alarm tells of that."""
    while True:
        with contextlib.suppress(Transient):
            await measure(outbox)
        await asyncio.sleep(MEASURE_SECONDS)


async def measure(outbox: Outbox) -> None:
    backlog = await outbox.backlog()
    waited = (backlog.now - backlog.oldest_at).total_seconds() if backlog.oldest_at else 0.0
    metrics.OUTBOX_PENDING.set(backlog.pending)
    metrics.OUTBOX_OLDEST_AGE.set(max(waited, 0.0))
    metrics.OUTBOX_QUARANTINED_KEYS.set(backlog.quarantined_keys)
