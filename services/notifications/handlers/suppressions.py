"""Suppressed addresses: stored when the mail server refuses one, deleted by an admin or an
operator.
"""

from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from services.notifications.commands import LiftSuppression
from services.notifications.handlers.preferences import require_present
from services.notifications.ports import MailRefused
from services.notifications.tables import suppressed_addresses
from waypost.kernel.errors import NotFound
from waypost.kernel.ids import TenantId, new_id
from waypost.ports.unit_of_work import UnitOfWork

log = structlog.get_logger()


async def suppress_address(
    tenant_id: TenantId, recipient_id: UUID, address: str, refusal: MailRefused, at: datetime, uow: UnitOfWork
) -> None:
    """Suppresses the address, unless the recipient was erased since the mail was composed. An
    address that is suppressed keeps its first reason.
    """
    try:
        await require_present(recipient_id, uow)
    except NotFound:
        return
    suppression_id = new_id()
    row = {
        "tenant_id": tenant_id,
        "suppression_id": suppression_id,
        "recipient_id": recipient_id,
        "address": address,
        "reason": refusal.reason,
        "code": refusal.code,
        "suppressed_at": at,
    }
    inserted = await uow.rows.execute(
        insert(suppressed_addresses).values(row).on_conflict_do_nothing(index_elements=["tenant_id", "address"])
    )
    if inserted.rowcount:
        log.warning("address_suppressed", suppression_id=str(suppression_id), reason=refusal.reason, code=refusal.code)


async def lift_suppression(command: LiftSuppression, uow: UnitOfWork) -> None:
    """Raises NotFound."""
    deleted = await uow.rows.execute(
        delete(suppressed_addresses).where(suppressed_addresses.c.suppression_id == command.suppression_id)
    )
    if not deleted.rowcount:
        raise NotFound(f"there is no suppression {command.suppression_id}: it was lifted, or its recipient was erased")
