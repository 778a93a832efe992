"""How far the outbox is behind, for Prometheus; measured all the more while the broker is away."""

from waypost.ports.outbox import Outbox
from waypost.telemetry import metrics

MEASURE_SECONDS = 5.0


async def measure(outbox: Outbox) -> None:
    """While the database is away the gauges stand still; its own alarm tells of that."""
    backlog = await outbox.backlog()
    waited = (backlog.now - backlog.oldest_at).total_seconds() if backlog.oldest_at else 0.0
    metrics.OUTBOX_PENDING.set(backlog.pending)
    metrics.OUTBOX_OLDEST_AGE.set(max(waited, 0.0))
    metrics.OUTBOX_QUARANTINED_KEYS.set(backlog.quarantined_keys)
