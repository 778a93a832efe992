"""A letter given up."""

from uuid import UUID

from waypost.kernel.audit_context import AuditContext
from waypost.operations.admin_service import AdminService
from waypost.operations.dead_letters.drains import parked_key_processor_of
from waypost.operations.dead_letters.finding import find
from waypost.operations.dead_letters.redrive_result import RedriveResult, entry_of


async def discard(service: AdminService, dead_letter_id: UUID, audit_context: AuditContext) -> RedriveResult:
    """Its event counts as handled once it is its turn; works off what waits behind it.

    Raises NotFound, Conflict for one that is settled, and Transient while somebody else works its
    key off.
    """
    kept = await find(service, dead_letter_id)
    attempts = await parked_key_processor_of(service, kept.consumer).discard(dead_letter_id, audit_context)
    before = RedriveResult(
        consumer=kept.consumer, key=kept.dead_letter.key or b"", dead_letters=[entry_of(kept.dead_letter, matches=True)]
    )
    return await before.after(attempts, service.ops)
