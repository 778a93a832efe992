"""Recipients of the digest, and its current contents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain import BILLING, MAX_ITEMS, InvoiceStatus
from services.notifications.tables import invoices, notifications, preferences, read_marks, recipients
from waypost.kernel.stored_kinds import known_member


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadInvoice:
    """An invoice with an unread notification, with its current status."""

    number: int
    amount_minor: int
    currency: str
    status: InvoiceStatus
    due_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    items: Sequence[UnreadInvoice]
    """The newest invoices, up to the limit of a digest."""
    count: int
    """The number of all unread invoices."""


async def users_due_a_digest(rows: AsyncConnection, *, after: UUID | None, limit: int) -> Sequence[UUID]:
    """Ids of users who want a digest, are not erased and have something unread, in order, after
    `after`.
    """
    wants = (
        select(preferences.c.user_id)
        .join(recipients, _same_person(recipients.c.tenant_id, recipients.c.user_id))
        .where(preferences.c.digest, recipients.c.status != "erased", exists(_unread_of(preferences.c.user_id)))
    )
    if after is not None:
        wants = wants.where(preferences.c.user_id > after)
    return (await rows.execute(wants.order_by(preferences.c.user_id).limit(limit))).scalars().all()


async def unread_of(rows: AsyncConnection, user_id: UUID) -> Unread:
    """Newest number first. An invoice that has not arrived from billing's topic yet appears in the
    next day's digest.
    """
    columns = invoices.c
    query = (
        select(*columns, func.count().over().label("total"))
        .where(columns.invoice_id.in_(_unread_of(user_id)))
        .order_by(columns.number.desc())
        .limit(MAX_ITEMS)
    )
    items = (await rows.execute(query)).all()
    return Unread(
        items=[
            UnreadInvoice(
                number=row.number,
                amount_minor=row.amount_minor,
                currency=row.currency,
                status=known_member(InvoiceStatus, row.status),
                due_at=row.due_at,
                settled_at=row.settled_at,
            )
            for row in items
        ],
        count=items[0].total if items else 0,
    )


def _same_person(tenant_id: ColumnElement[UUID], user_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    return (tenant_id == preferences.c.tenant_id) & (user_id == preferences.c.user_id)


def _unread_of(user_id: UUID | ColumnElement[UUID]) -> Select[tuple[UUID]]:
    """The ids of invoices with a notification that the user has not read."""
    columns = notifications.c
    is_read = exists().where(
        read_marks.c.tenant_id == columns.tenant_id, read_marks.c.notification_id == columns.notification_id
    )
    return select(columns.subject_id).where(
        columns.recipient_id == user_id, columns.kind.in_([kind.value for kind in BILLING]), ~is_read
    )
