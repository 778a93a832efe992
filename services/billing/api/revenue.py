"""Current revenue, from the live view."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from services.billing import queries
from services.billing.api.context import Context
from services.billing.api.models import RevenueWindowView, WindowLength
from services.billing.queries import RevenueFilter, RevenueRow
from waypost.kernel.tenant import bound_tenants
from waypost.web.auth import AdminCaller
from waypost.web.event_streams import EVENT_STREAM, ServerSentEvent, event_stream, wants_events
from waypost.web.models import CurrencyCode
from waypost.web.pagination import Page, PageRequest, paged_by

router = APIRouter(prefix="/revenue", tags=["revenue"])

Position = tuple[datetime, str]


_STREAM = """\
event: window
data: {"window":"day","window_start":"2026-03-31T00:00:00Z","currency":"EUR","paid_minor":4900,"failed_minor":0,\
"refunded_minor":0,"paid_count":1,"failed_count":0,"refunded_count":0,"revision":1}

"""


async def _wanted(
    window: Annotated[WindowLength, Query(description="The length of each window.")] = "minute",
    currency: Annotated[CurrencyCode | None, Query(description="ISO 4217 code; all currencies if omitted.")] = None,
) -> RevenueFilter:
    return RevenueFilter(window=window, currency=currency)


@router.get(
    "/live",
    response_model=Page[RevenueWindowView],
    responses={
        200: {"content": {EVENT_STREAM: {"example": _STREAM}}, "description": "Windows with payments, newest first."}
    },
)
async def live_revenue(
    request: Request,
    page: Annotated[PageRequest[Position], paged_by(Position)],
    wanted: Annotated[RevenueFilter, Depends(_wanted)],
    caller: AdminCaller,
    context: Context,
) -> Page[RevenueWindowView] | Response:
    """Returns a page of windows. Amounts contain tax. With `Accept: text/event-stream`, streams the
    newest windows and then each changed window as event `window`.
    """
    if not wants_events(request):
        async with context.bus.units.begin() as uow:
            rows = await queries.revenue(uow.rows, wanted, before=page.after, limit=page.rows)
        return page.of(rows, RevenueWindowView.model_validate, position=lambda row: (row.window_start, row.currency))

    async def newest_windows() -> Sequence[RevenueRow]:
        with bound_tenants([caller.tenant_id]):  # the request's own binding may have ended
            async with context.bus.units.begin() as uow:
                return await queries.revenue(uow.rows, wanted, before=None, limit=page.limit)

    sent: dict[Position, int] = {}

    def changed_windows(rows: Sequence[RevenueRow]) -> Sequence[ServerSentEvent]:
        changed = [row for row in rows if sent.get((row.window_start, row.currency)) != row.revision]
        sent.clear()
        sent.update({(row.window_start, row.currency): row.revision for row in rows})
        return [_event(row) for row in reversed(changed)]

    return event_stream(request, caller, newest_windows, changed_windows, of=(wanted, page.limit))


def _event(row: RevenueRow) -> ServerSentEvent:
    return ServerSentEvent(name="window", data=RevenueWindowView.model_validate(row).model_dump_json())
