"""The routes of the notifications service: what was sent, as a tenant's people see it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.notifications import queries
from services.notifications.domain import Kind, Status
from services.notifications.queries import Position
from shared.engine.bus import Bus
from shared.kernel.role import Role
from shared.web.answers import shown
from shared.web.auth import Caller, Principal
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


def _bus(request: Request) -> Bus:
    bus: Bus = request.app.state.bus
    return bus


TheBus = Annotated[Bus, Depends(_bus)]


@router.get("")
async def list_notifications(
    page: Annotated[PageRequest[Position], paged_by(Position)], caller: Caller, bus: TheBus
) -> Page[NotificationView]:
    """Newest first; members see their own."""
    async with bus.units.begin() as uow:
        rows = await queries.outgoing(uow.rows, recipient_id=_only(caller), after=page.after, limit=page.rows)
    return page.of(rows, NotificationView.model_validate, position=lambda row: (row.queued_at, row.id))


@router.get("/{notification_id}", response_model=NotificationView)
async def show_notification(notification_id: UUID, caller: Caller, bus: TheBus) -> Response:
    async with bus.units.begin() as uow:
        row = await queries.notification(uow.rows, notification_id, recipient_id=_only(caller))
    return shown(NotificationView.model_validate(row), version=row.version)


def _only(caller: Principal) -> UUID | None:
    return None if caller.role.covers(Role.ADMIN) else caller.user_id
