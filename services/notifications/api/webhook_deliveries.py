"""The log of webhook deliveries, test events, redelivery, and the catalogue of event types."""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.notifications.api.webhook_endpoints import Context
from services.notifications.api.webhook_examples import EXAMPLES
from services.notifications.api.webhook_limits import Redelivering
from services.notifications.api.webhook_models import DeliveryView, DeliveryWithBody, EventTypeView, Redelivery
from services.notifications.commands import RedeliverFailedWebhooks, RedeliverWebhook, SendTestWebhook
from services.notifications.domain.webhook_catalogue import DESCRIPTIONS, WebhookEventType
from services.notifications.queries import webhooks
from services.notifications.queries.webhooks import Position
from waypost.kernel.ids import new_id
from waypost.web.auth import AdminCaller
from waypost.web.pagination import Page, PageRequest, paged_by

router = APIRouter(tags=["webhooks"])

Status = Literal["pending", "delivered", "failed"]


@router.get("/webhook-event-types")
async def list_event_types(caller: AdminCaller) -> Sequence[EventTypeView]:
    """Lists the event types to which an endpoint can subscribe, each with an example of its
    webhook.
    """
    return [
        EventTypeView(type=each, description=DESCRIPTIONS[each], example=EXAMPLES[each]) for each in WebhookEventType
    ]


@router.get("/webhook-endpoints/{endpoint_id}/deliveries")
async def list_deliveries(
    endpoint_id: UUID,
    page: Annotated[PageRequest[Position], paged_by(Position)],
    caller: AdminCaller,
    context: Context,
    status: Annotated[Status | None, Query(description="Only deliveries with this status.")] = None,
) -> Page[DeliveryView]:
    """Lists the deliveries of the last 30 days, newest first."""
    async with context.bus.units.begin() as uow:
        await webhooks.endpoint(uow.rows, endpoint_id)
        rows = await webhooks.deliveries(uow.rows, endpoint_id, status=status, before=page.after, limit=page.rows)
    return page.of(rows, DeliveryView.model_validate, position=lambda row: (row.created_at, row.delivery_id))


@router.get("/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}")
async def show_delivery(
    endpoint_id: UUID, delivery_id: UUID, caller: AdminCaller, context: Context
) -> DeliveryWithBody:
    """Returns one delivery, with the body that is sent."""
    async with context.bus.units.begin() as uow:
        row = await webhooks.delivery(uow.rows, endpoint_id, delivery_id)
    return DeliveryWithBody.model_validate(row)


@router.post("/webhook-endpoints/{endpoint_id}/test", status_code=202)
async def send_test_event(endpoint_id: UUID, caller: AdminCaller, context: Context) -> DeliveryView:
    """Sends an event of the type `webhook.test`, signed like any other; at most 10 a minute."""
    command = SendTestWebhook(tenant_id=caller.tenant_id, endpoint_id=endpoint_id, delivery_id=new_id(), at=context.now)
    async with context.bus.units.begin() as uow:
        await context.bus.execute(command, uow)
        row = await webhooks.delivery(uow.rows, endpoint_id, command.delivery_id)
    return DeliveryView.model_validate(row)


@router.post("/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}/redeliver", status_code=202)
async def redeliver(
    endpoint_id: UUID, delivery_id: UUID, caller: AdminCaller, context: Context, admission: Redelivering
) -> DeliveryView:
    """Sends a delivery of any status again, with the same `webhook-id` and a new schedule of
    retries.
    """
    admission.tenant(caller.tenant_id)
    command = RedeliverWebhook(endpoint_id=endpoint_id, delivery_id=delivery_id, at=context.now)
    async with context.bus.units.begin() as uow:
        await context.bus.execute(command, uow)
        row = await webhooks.delivery(uow.rows, endpoint_id, delivery_id)
    return DeliveryView.model_validate(row)


@router.post("/webhook-endpoints/{endpoint_id}/redeliver", status_code=202, response_class=Response)
async def redeliver_failed(
    endpoint_id: UUID, body: Redelivery, caller: AdminCaller, context: Context, admission: Redelivering
) -> Response:
    """Sends all failed deliveries again that were created from a time on, in the order of each
    object. A job makes them due; the log shows them as pending then.
    """
    admission.tenant(caller.tenant_id)
    command = RedeliverFailedWebhooks(endpoint_id=endpoint_id, since=body.since, at=context.now)
    await context.bus.handle(command)
    return Response(status_code=202)
