"""Reads, each inside a transaction that is bound to one tenant."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain import Facts, Kind, Status
from services.notifications.tables import notifications, pending_letters, recipients, sealed_tokens
from shared.jobs.tenant_directory import tenant_directory
from shared.kernel.errors import NotFound

Position = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationRow:
    id: UUID
    recipient_id: UUID
    kind: Kind
    channel: str
    subject_type: str
    subject_id: UUID
    status: Status
    reason: str | None
    queued_at: datetime
    settled_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """Whom a letter is for, and who sends it."""

    email: str = field(repr=False)
    display_name: str = field(repr=False)
    locale: str
    erased: bool
    company: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    address: str = field(repr=False)
    sealing_key_id: str
    sealed: bytes = field(repr=False)
    expires_at: datetime


async def notification(rows: AsyncConnection, notification_id: UUID, *, recipient_id: UUID | None) -> NotificationRow:
    """Of anybody in the tenant, or of one recipient alone. Raises NotFound, for another's too."""
    found = _of_recipient(recipient_id).where(notifications.c.notification_id == notification_id)
    row = (await rows.execute(found)).one_or_none()
    if row is None:
        raise NotFound(f"there is no notification {notification_id}")
    return _notification(row)


async def outgoing(
    rows: AsyncConnection, *, recipient_id: UUID | None, after: Position | None, limit: int
) -> Sequence[NotificationRow]:
    """Newest first."""
    position = tuple_(notifications.c.queued_at, notifications.c.notification_id)
    page = _of_recipient(recipient_id).order_by(
        notifications.c.queued_at.desc(), notifications.c.notification_id.desc()
    )
    if after is not None:
        page = page.where(position < after)
    return [_notification(row) for row in await rows.execute(page.limit(limit))]


async def addressee(rows: AsyncConnection, user_id: UUID) -> Addressee | None:
    """None until both topics, of users and of tenants, have brought them."""
    row = (
        await rows.execute(
            select(recipients, tenant_directory.c.name.label("company"))
            .join(tenant_directory, tenant_directory.c.tenant_id == recipients.c.tenant_id)
            .where(recipients.c.user_id == user_id)
        )
    ).one_or_none()
    if row is None:
        return None
    return Addressee(
        email=row.email,
        display_name=row.display_name,
        locale=row.locale,
        erased=row.status == "erased",
        company=row.company,
    )


async def facts_of(rows: AsyncConnection, notification_id: UUID) -> Facts:
    facts: Facts = (
        await rows.execute(select(pending_letters.c.facts).where(pending_letters.c.notification_id == notification_id))
    ).scalar_one()
    return facts


async def token_of(rows: AsyncConnection, notification_id: UUID) -> StoredToken | None:
    """None where a newer link has taken its place."""
    row = (
        await rows.execute(select(sealed_tokens).where(sealed_tokens.c.notification_id == notification_id))
    ).one_or_none()
    if row is None:
        return None
    return StoredToken(
        address=row.address, sealing_key_id=row.sealing_key_id, sealed=row.sealed, expires_at=row.expires_at
    )


def _of_recipient(recipient_id: UUID | None) -> Any:
    everybody = select(notifications)
    return everybody if recipient_id is None else everybody.where(notifications.c.recipient_id == recipient_id)


def _notification(row: Row[Any]) -> NotificationRow:
    return NotificationRow(
        id=row.notification_id,
        recipient_id=row.recipient_id,
        kind=Kind(row.kind),
        channel=row.channel,
        subject_type=row.subject_type,
        subject_id=row.subject_id,
        status=Status(row.status),
        reason=row.reason,
        queued_at=row.queued_at,
        settled_at=row.settled_at,
        version=row.version,
    )
