"""Release of a quarantined key."""

from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import NotFound
from waypost.kernel.partitioner import shard_for
from waypost.operations.admin_service import AdminService
from waypost.postgres.audit import record_action
from waypost.postgres.outbox.lease import release_from_quarantine


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
