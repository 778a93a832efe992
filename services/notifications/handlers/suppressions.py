"""Suppressed addresses: stored when a mail to one bounced or was unwanted, deleted by an admin or
an operator.
"""

from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Table, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert

from services.notifications.commands import LiftSuppression
from services.notifications.domain import Notification
from services.notifications.domain.bounce import SuppressionReason
from services.notifications.handlers.preferences import require_present
from services.notifications.ports import MailRefused
from services.notifications.tables import bounces, recipients, sealed_tokens, suppressed_addresses
from waypost.kernel.errors import NotFound
from waypost.kernel.ids import TenantId, new_id
from waypost.ports.unit_of_work import UnitOfWork

log = structlog.get_logger()


async def suppress_address(
    tenant_id: TenantId, recipient_id: UUID, address: str, refusal: MailRefused, at: datetime, uow: UnitOfWork
) -> None:
    """Suppresses an address that the mail server does not know, unless the recipient was erased
    since the mail was composed.
    """
    try:
        await require_present(recipient_id, uow)
    except NotFound:
        return
    await store_suppression(tenant_id, recipient_id, address, SuppressionReason.MAILBOX_UNKNOWN, refusal.code, at, uow)


async def store_suppression(
    tenant_id: TenantId,
    recipient_id: UUID,
    address: str,
    reason: SuppressionReason,
    code: int,
    at: datetime,
    uow: UnitOfWork,
) -> None:
    """An address that is suppressed keeps its reason, unless the new one is stronger: then the
    suppression has the new reason, and a new id. In any case it belongs to the recipient who has
    the address now, and whose erasure deletes it. The caller has checked that the recipient is not
    erased.
    """
    suppression_id = new_id()
    found = {
        "suppression_id": suppression_id,
        "recipient_id": recipient_id,
        "reason": reason.value,
        "code": code,
        "suppressed_at": at,
    }
    row = insert(suppressed_addresses).values(tenant_id=tenant_id, address=address, **found)
    weaker = suppressed_addresses.c.reason.in_([each.value for each in reason.weaker])
    stored = await uow.rows.execute(
        row.on_conflict_do_update(index_elements=["tenant_id", "address"], set_=found, where=weaker)
    )
    if stored.rowcount:
        log.warning("address_suppressed", suppression_id=str(suppression_id), reason=reason.value, code=code)
        return
    present = update(suppressed_addresses).where(suppressed_addresses.c.address == address)
    await uow.rows.execute(present.values(recipient_id=recipient_id))


async def forget_suppressions(recipient_id: UUID, uow: UnitOfWork) -> None:
    """Deletes the suppressions and the bounces of an erased recipient. Also rows that were stored
    for an earlier holder of the recipient's address, who has another one now: no recipient has the
    address any more. The directory has deleted the address before.
    """
    await uow.rows.execute(
        delete(suppressed_addresses).where(
            (suppressed_addresses.c.recipient_id == recipient_id) | _has_no_holder(suppressed_addresses)
        )
    )
    await uow.rows.execute(delete(bounces).where(bounces.c.recipient_id == recipient_id))
    # They stay without the address, so that a report that comes again is recognized.
    unheld = bounces.c.address.is_not(None) & _has_no_holder(bounces)
    await uow.rows.execute(update(bounces).where(unheld).values(address=None))


def _has_no_holder(table: Table) -> ColumnElement[bool]:
    """Rows of users who have another address now, with an address that no user has. Not the address
    of an invitation or of a change that is not proved yet, which the directory never shows.
    """
    known = exists().where(recipients.c.user_id == table.c.recipient_id)
    held = exists().where(recipients.c.email == table.c.address)
    mailed = exists().where(sealed_tokens.c.address == table.c.address)
    return known & ~held & ~mailed


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
    lifted = delete(suppressed_addresses).where(suppressed_addresses.c.suppression_id == command.suppression_id)
    address = (await uow.rows.execute(lifted.returning(suppressed_addresses.c.address))).scalar_one_or_none()
    if address is None:
        raise NotFound(
            f"there is no suppression {command.suppression_id}: it was lifted, its recipient was erased, or its"
            " invitation ended"
        )
    # The bounces stay, so that a report that comes again is recognized, and do not count any more.
    await uow.rows.execute(update(bounces).where(bounces.c.address == address).values(address=None))
