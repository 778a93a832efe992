"""What waits to be published, and the keys whose rows are held back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.operations.service import OperatedService
from shared.ports.outbox import Backlog
from shared.postgres.overview import MarkedKey, backlog_of, marked_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    service: str
    backlog: Backlog
    marked: Sequence[MarkedKey]

    @property
    def age(self) -> timedelta | None:
        """Of the row that has waited longest."""
        oldest = self.backlog.oldest_at
        return max(self.backlog.now - oldest, timedelta()) if oldest else None


async def waiting_of(service: OperatedService) -> Waiting:
    """Raises Transient where the database is away."""
    marked = await marked_keys(service.ops)
    return Waiting(service=service.name, backlog=await backlog_of(service.ops), marked=marked)
