"""Addresses to which no mail is sent, because earlier ones bounced or were unwanted."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.notifications.commands import LiftSuppression
from services.notifications.domain.bounce import SuppressionReason
from services.notifications.queries.suppressions import suppressions
from waypost.web.auth import AdminCaller
from waypost.web.models import ResponseModel
from waypost.web.pagination import Page, PageRequest, paged_by
from waypost.web.request import Context

router = APIRouter(prefix="/suppressions", tags=["notifications"])


class SuppressionView(ResponseModel):
    """A suppressed address, without the address: the recipient's account shows it."""

    suppression_id: UUID
    recipient_id: UUID
    reason: SuppressionReason | str
    """`mailbox_unknown` blocks every mail; `complained` and `soft_bounces` all but those about the
    security of the account.
    """
    code: int
    """The mail server's reply code (RFC 5321); 0 if there is none."""
    suppressed_at: datetime


@router.get("")
async def list_suppressions(
    page: Annotated[PageRequest[UUID], paged_by(UUID)], caller: AdminCaller, context: Context
) -> Page[SuppressionView]:
    """Lists the suppressed addresses of the tenant, oldest first."""
    async with context.bus.units.begin() as uow:
        rows = await suppressions(uow.rows, after=page.after, limit=page.rows)
    return page.of(rows, SuppressionView.model_validate, position=lambda row: row.suppression_id)


@router.delete("/{suppression_id}", status_code=204)
async def lift(suppression_id: UUID, caller: AdminCaller, context: Context) -> Response:
    """Permits mails to the address again, for example after its mailbox was repaired."""
    await context.bus.handle(LiftSuppression(suppression_id=suppression_id))
    return Response(status_code=204)
