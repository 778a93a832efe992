"""Bounces and complaints: stored once per mail, and counted against the address of the mail."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from services.notifications.commands import RecordBounce
from services.notifications.domain import Notification
from services.notifications.domain.bounce import (
    REPORTS_KEPT,
    SOFT_BOUNCES,
    SOFT_PAUSE,
    SOFT_WINDOW,
    BounceKind,
    SuppressionReason,
)
from services.notifications.domain.return_path import delivered_form
from services.notifications.handlers.suppressions import store_suppression
from services.notifications.tables import bounces, recipients, suppressed_addresses
from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import UnitOfWork

_ERASED = "erased"


async def record_bounce(command: RecordBounce, uow: UnitOfWork) -> None:
    """Stores the report and suppresses the address if it has to be. A repeated report changes
    nothing, also after the suppression was lifted. Nothing is stored for a recipient who was erased
    since. Only the recipient's present address counts: the report is stored without any other, also
    without that of an invitation, which nothing would erase.
    """
    notification = await uow.find(Notification, command.notification_id)
    if notification is None:
        return
    address: str | None = None
    if not notification.kind.goes_to_an_address:
        present = await _locked_address(notification.recipient_id, uow)
        if present is None:
            return
        address = _counted(command.address, present)
    await store_bounce(notification, command.kind, address, command.code, command.at, uow)


async def store_bounce(
    notification: Notification, kind: BounceKind, address: str | None, code: int, at: datetime, uow: UnitOfWork
) -> None:
    """The caller has checked that the recipient is not erased, and holds a lock that an erasure
    waits for. Two reports about one address wait for each other, so that none is missed.
    """
    row = {
        "tenant_id": notification.tenant_id,
        "notification_id": notification.id,
        "kind": kind.value,
        "recipient_id": notification.recipient_id,
        "address": address,
        "reported_at": at,
    }
    stored = await uow.rows.execute(insert(bounces).values(row).on_conflict_do_nothing())
    if not stored.rowcount or address is None:
        return
    reason = await _reason(kind, address, at, uow)
    if reason is not None:
        tenant_id = TenantId(notification.tenant_id)
        await store_suppression(tenant_id, notification.recipient_id, address, reason, code, at, uow)


async def prune_bounces(at: datetime, uow: UnitOfWork) -> None:
    """Deletes old reports, and suppressions for soft bounces that have lasted long enough. Also
    reports about erased recipients: a process of an earlier release, which does not know the table,
    may have erased one.
    """
    erased = select(recipients.c.user_id).where(recipients.c.status == _ERASED)
    outdated = (bounces.c.reported_at < at - REPORTS_KEPT) | bounces.c.recipient_id.in_(erased)
    ended = delete(suppressed_addresses).where(
        suppressed_addresses.c.reason == SuppressionReason.SOFT_BOUNCES.value,
        suppressed_addresses.c.suppressed_at < at - SOFT_PAUSE,
    )
    await uow.rows.execute(ended)  # first: a lift and an erasure lock in this order, too
    await uow.rows.execute(delete(bounces).where(outdated))


async def _reason(kind: BounceKind, address: str, at: datetime, uow: UnitOfWork) -> SuppressionReason | None:
    match kind:
        case BounceKind.HARD:
            return SuppressionReason.MAILBOX_UNKNOWN
        case BounceKind.COMPLAINT:
            return SuppressionReason.COMPLAINED
        case BounceKind.SOFT:
            soft = await _soft_bounces(address, at - SOFT_WINDOW, uow)
            return SuppressionReason.SOFT_BOUNCES if soft >= SOFT_BOUNCES else None


async def _soft_bounces(address: str, since: datetime, uow: UnitOfWork) -> int:
    columns = bounces.c
    query = select(func.count()).where(
        columns.address == address, columns.kind == BounceKind.SOFT.value, columns.reported_at > since
    )
    counted: int = (await uow.rows.execute(query)).scalar_one()
    return counted


async def _locked_address(recipient_id: UUID, uow: UnitOfWork) -> str | None:
    """The present address of the recipient, whose row is locked; None if there is none."""
    columns = recipients.c
    row = select(columns.email, columns.status).where(columns.user_id == recipient_id).with_for_update()
    found = (await uow.rows.execute(row)).one_or_none()
    return None if found is None or found.status == _ERASED or not found.email else str(found.email)


def _counted(reported: str, present: str) -> str | None:
    """The recipient's present address, if the report is about it, in the form of the directory."""
    try:
        return present if delivered_form(present) == delivered_form(reported) else None
    except UnicodeError:  # a domain that cannot exist
        return None
