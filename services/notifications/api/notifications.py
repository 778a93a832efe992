"""Notifications, as the tenant's users see them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.notifications.commands import MarkRead
from services.notifications.domain import NotificationKind, NotificationStatus
from services.notifications.queries.notifications import Position, latest_notifications, notification
from waypost.web.auth import Caller
from waypost.web.models import ResponseModel
from waypost.web.pagination import Page, PageRequest, paged_by
from waypost.web.read_own_writes import reads
from waypost.web.request import Context

router = APIRouter(prefix="/notifications", tags=["notifications"])


class NotificationView(ResponseModel):
    """A notification without the e-mail address: a caller who may see the recipient finds the
    address there.
    """

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
    """The time at which the recipient marked the notification as read."""
    version: int


@router.get("")
@reads("notices")
async def list_notifications(
    page: Annotated[PageRequest[Position], paged_by(Position)],
    caller: Caller,
    context: Context,
    unread: Annotated[
        bool, Query(description="Only notifications that their recipient has not marked as read.")
    ] = False,
) -> Page[NotificationView]:
    """Lists notifications, newest first; members see their own. Listing or fetching a notification
    does not mark it as read.
    """
    async with context.bus.units.begin() as uow:
        rows = await latest_notifications(
            uow.rows, recipient_id=caller.confined_to, unread=unread, before=page.after, limit=page.rows
        )
    return page.of(rows, NotificationView.model_validate, position=lambda row: (row.queued_at, row.id))


@router.get("/{notification_id}")
@reads("notices")
async def show_notification(notification_id: UUID, caller: Caller, context: Context) -> NotificationView:
    """Returns one notification. Does not mark it as read: clients prefetch, and admins look at
    other users' notifications.
    """
    async with context.bus.units.begin() as uow:
        row = await notification(uow.rows, notification_id, recipient_id=caller.confined_to)
    return NotificationView.model_validate(row)


@router.post("/{notification_id}/read")
async def mark_read(notification_id: UUID, caller: Caller, context: Context) -> NotificationView:
    """Marks a notification as read, so that no digest mentions it. Only its recipient can. A
    repeated call changes nothing.
    """
    command = MarkRead(
        tenant_id=caller.tenant_id, notification_id=notification_id, recipient_id=caller.user_id, at=context.now
    )
    async with context.bus.units.begin() as uow:
        await context.bus.execute(command, uow)
        row = await notification(uow.rows, notification_id, recipient_id=None)
    return NotificationView.model_validate(row)
