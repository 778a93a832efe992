"""Notifications with their read marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain import NotificationKind, NotificationStatus
from services.notifications.tables import notifications, read_marks
from waypost.kernel.errors import NotFound
from waypost.kernel.stored_kinds import member_or_text

Position = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationRow:
    id: UUID
    recipient_id: UUID
    kind: NotificationKind | str
    channel: str
    subject_type: str
    subject_id: UUID
    status: NotificationStatus | str
    reason: str | None
    queued_at: datetime
    settled_at: datetime | None
    read_at: datetime | None
    version: int


async def notification(rows: AsyncConnection, notification_id: UUID, *, recipient_id: UUID | None) -> NotificationRow:
    """Any notification of the tenant, or only of `recipient_id` if it is given. Raises NotFound,
    also for another recipient's notification.
    """
    query = _of_recipient(recipient_id).where(notifications.c.notification_id == notification_id)
    row = (await rows.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"there is no notification {notification_id}")
    return _notification(row)


async def latest_notifications(
    rows: AsyncConnection, *, recipient_id: UUID | None, unread: bool, before: Position | None, limit: int
) -> Sequence[NotificationRow]:
    """Newest first; all, or only unread ones."""
    position = tuple_(notifications.c.queued_at, notifications.c.notification_id)
    page = _of_recipient(recipient_id).order_by(
        notifications.c.queued_at.desc(), notifications.c.notification_id.desc()
    )
    if unread:
        page = page.where(read_marks.c.read_at.is_(None))
    if before is not None:
        page = page.where(position < before)
    return [_notification(row) for row in await rows.execute(page.limit(limit))]


def _of_recipient(recipient_id: UUID | None) -> Select[Any]:
    marked = and_(
        read_marks.c.tenant_id == notifications.c.tenant_id,
        read_marks.c.notification_id == notifications.c.notification_id,
    )
    everybody = select(notifications, read_marks.c.read_at).join_from(notifications, read_marks, marked, isouter=True)
    return everybody if recipient_id is None else everybody.where(notifications.c.recipient_id == recipient_id)


def _notification(row: Row[Any]) -> NotificationRow:
    return NotificationRow(
        id=row.notification_id,
        recipient_id=row.recipient_id,
        kind=member_or_text(NotificationKind, row.kind),
        channel=row.channel,
        subject_type=row.subject_type,
        subject_id=row.subject_id,
        status=member_or_text(NotificationStatus, row.status),
        reason=row.reason,
        queued_at=row.queued_at,
        settled_at=row.settled_at,
        read_at=row.read_at,
        version=row.version,
    )
