"""Unpublished events and quarantined keys of one outbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import NotFound
from waypost.kernel.partitioner import shard_for
from waypost.operations.admin_service import AdminService
from waypost.ports.outbox import Backlog
from waypost.postgres.audit import record_action
from waypost.postgres.outbox.lease import release_from_quarantine
from waypost.postgres.overview import QuarantinedKey, backlog_of, quarantined_keys


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


async def redrive(service: AdminService, key: bytes, audit_context: AuditContext) -> None:
    """Releases the key from quarantine, so that the relay publishes its rows again, in order. If
    the broker refuses a row again, the key is quarantined again.

    Raises NotFound if the key is not quarantined.
    """
    shard = shard_for(key)
    async with service.ops.transaction() as connection:
        reason = await release_from_quarantine(connection, shard, key)
        if reason is None:
            raise NotFound(f"{service.name} has not quarantined the key {key.decode(errors='backslashreplace')!r}")
        subject = key.decode(errors="backslashreplace")
        await record_action(
            connection, audit_context, verb="outbox.redrive", subject=subject, shard=shard, because=reason
        )


async def outbox_status(service: AdminService) -> OutboxStatus:
    """The backlog and the quarantined keys. Raises Transient if the database does not answer."""
    quarantined = await quarantined_keys(service.ops)
    return OutboxStatus(service=service.name, backlog=await backlog_of(service.ops), quarantined_keys=quarantined)
