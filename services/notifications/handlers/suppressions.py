"""Suppressed addresses: stored when the mail server refuses one, deleted by an admin or an
operator.
"""

from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from services.notifications.commands import LiftSuppression
from services.notifications.domain import Notification
from services.notifications.handlers.preferences import require_present
from services.notifications.ports import MailRefused
from services.notifications.tables import sealed_tokens, suppressed_addresses
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


async def may_be_suppressed(notification: Notification, uow: UnitOfWork) -> bool:
    """False for the address of an invitation that has ended since the mail was composed: it would
    never be erased. Locks the link, so that the end of the invitation waits for this transaction
    and then erases the address.
    """
    if not notification.kind.goes_to_an_address:
        return True
    link = select(sealed_tokens.c.recipient_id).where(sealed_tokens.c.notification_id == notification.id)
    return (await uow.rows.execute(link.with_for_update())).one_or_none() is not None


async def forget_invited_address(invitation_id: UUID, uow: UnitOfWork) -> None:
    """Deletes the suppression of the address of an invitation that has ended. Called after the
    deletion of its link.
    """
    await uow.rows.execute(delete(suppressed_addresses).where(suppressed_addresses.c.recipient_id == invitation_id))


async def lift_suppression(command: LiftSuppression, uow: UnitOfWork) -> None:
    """Raises NotFound."""
    deleted = await uow.rows.execute(
        delete(suppressed_addresses).where(suppressed_addresses.c.suppression_id == command.suppression_id)
    )
    if not deleted.rowcount:
        raise NotFound(
            f"there is no suppression {command.suppression_id}: it was lifted, its recipient was erased, or its"
            " invitation ended"
        )
