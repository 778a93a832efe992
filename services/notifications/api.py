"""The routes of the notifications service: what was sent, as a tenant's people see it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.notifications import queries
from services.notifications.domain import Kind, Status
from services.notifications.queries import Position
from shared.web.answers import shown
from shared.web.auth import Caller
from shared.web.edge import Here
from shared.web.models import ResponseModel
from shared.web.pagination import Page, PageRequest, paged_by

router = APIRouter(prefix="/notifications", tags=["notifications"])

ROUTERS = [router]


class NotificationView(ResponseModel):
    """Without the address: whoever may see the recipient finds it there."""

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


@router.get("")
async def list_notifications(
    page: Annotated[PageRequest[Position], paged_by(Position)], caller: Caller, here: Here
) -> Page[NotificationView]:
    """Newest first; members see their own."""
    async with here.bus.units.begin() as uow:
        rows = await queries.outgoing(uow.rows, recipient_id=caller.confined_to, before=page.after, limit=page.rows)
    return page.of(rows, NotificationView.model_validate, position=lambda row: (row.queued_at, row.id))


@router.get("/{notification_id}", response_model=NotificationView)
async def show_notification(notification_id: UUID, caller: Caller, here: Here) -> Response:
    """One mail and what became of it; members see their own."""
    async with here.bus.units.begin() as uow:
        row = await queries.notification(uow.rows, notification_id, recipient_id=caller.confined_to)
    return shown(NotificationView.model_validate(row), version=row.version)
