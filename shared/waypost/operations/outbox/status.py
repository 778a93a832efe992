"""Unpublished events and quarantined keys of one outbox. Only reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from waypost.ports.outbox import Backlog
from waypost.postgres.overview import QuarantinedKey, backlog_of, quarantined_keys
from waypost.postgres.reads import Reads


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxStatus:
    service: str
    backlog: Backlog
    quarantined_keys: Sequence[QuarantinedKey]

    @property
    def age(self) -> timedelta | None:
        """Age of the oldest row."""
        oldest = self.backlog.oldest_at
        return max(self.backlog.now - oldest, timedelta()) if oldest else None


async def outbox_status(service: str, database: Reads) -> OutboxStatus:
    """The backlog and the quarantined keys. Raises Transient if the database does not answer."""
    quarantined = await quarantined_keys(database)
    return OutboxStatus(service=service, backlog=await backlog_of(database), quarantined_keys=quarantined)
