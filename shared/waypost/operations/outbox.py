"""What waits to be published, and the keys whose rows are held back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import NotFound
from waypost.kernel.partitioning import shard_for
from waypost.operations.admin_service import AdminService
from waypost.ports.outbox import Backlog
from waypost.postgres.audit import record_action
from waypost.postgres.outbox.lease import release_from_quarantine
from waypost.postgres.overview import QuarantinedKey, backlog_of, quarantined_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    service: str
    backlog: Backlog
    marked: Sequence[QuarantinedKey]

    @property
    def age(self) -> timedelta | None:
        """Of the row that has waited longest."""
        oldest = self.backlog.oldest_at
        return max(self.backlog.now - oldest, timedelta()) if oldest else None


async def redrive(service: AdminService, key: bytes, audit_context: AuditContext) -> None:
    """Takes the key's mark away: its rows are published again, in their order. One that is refused
    again is set aside again.

    Raises NotFound, and nothing is done, where the key is not set aside.
    """
    shard = shard_for(key)
    async with service.ops.transaction() as connection:
        reason = await release_from_quarantine(connection, shard, key)
        if reason is None:
            raise NotFound(f"{service.name} has not set {key.decode(errors='backslashreplace')!r} aside")
        subject = key.decode(errors="backslashreplace")
        await record_action(
            connection, audit_context, verb="outbox.redrive", subject=subject, shard=shard, because=reason
        )


async def waiting_of(service: AdminService) -> Waiting:
    """Raises Transient where the database is away."""
    marked = await quarantined_keys(service.ops)
    return Waiting(service=service.name, backlog=await backlog_of(service.ops), marked=marked)
