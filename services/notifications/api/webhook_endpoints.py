"""Webhook endpoints of a tenant. Admins manage them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from services.notifications.api.webhook_limits import Changing
from services.notifications.api.webhook_models import (
    NewSecretView,
    NewWebhookEndpoint,
    NewWebhookEndpointView,
    SecretRotation,
    WebhookChangeView,
    WebhookEndpointChange,
    WebhookEndpointView,
)
from services.notifications.commands import (
    ChangeWebhookEndpoint,
    CreateWebhookEndpoint,
    DeleteWebhookEndpoint,
    NewWebhookSecret,
    RotateWebhookSecret,
)
from services.notifications.domain.webhook_signature import new_secret
from services.notifications.domain.webhook_url import WebhookUrl
from services.notifications.ports import ApiResources
from services.notifications.queries import webhooks
from waypost.kernel.ids import new_id
from waypost.web.auth import AdminCaller
from waypost.web.pagination import Page, PageRequest, paged_by
from waypost.web.request import RequestContext, request_context
from waypost.web.responses import ExpectedVersion, created, shown

Context = Annotated[RequestContext[ApiResources], Depends(request_context)]

router = APIRouter(prefix="/webhook-endpoints", tags=["webhooks"])


@router.post("", status_code=201, response_model=NewWebhookEndpointView)
async def create_endpoint(
    body: NewWebhookEndpoint, caller: AdminCaller, context: Context, admission: Changing
) -> Response:
    """Creates an endpoint, at most 10 per tenant, and shows its secret once. The answer is not
    stored, because it contains the secret: after a lost answer, list the endpoints.
    """
    admission.tenant(caller.tenant_id)
    secret, sealed = _new_secret(context)
    command = CreateWebhookEndpoint(
        tenant_id=caller.tenant_id,
        endpoint_id=new_id(),
        url=_url(body.url, context),
        event_types=body.event_types,
        secret=sealed,
        at=context.now,
    )
    async with context.bus.units.begin() as uow:
        await context.bus.execute(command, uow)
        view = await _view(uow.rows, command.endpoint_id, context)
    shown_once = NewWebhookEndpointView(**view.model_dump(), secret=secret)
    return created(shown_once, f"/webhook-endpoints/{command.endpoint_id}", version=view.version)


@router.get("")
async def list_endpoints(
    page: Annotated[PageRequest[UUID], paged_by(UUID)], caller: AdminCaller, context: Context
) -> Page[WebhookEndpointView]:
    """Lists the endpoints of the tenant, oldest first, without their secrets."""
    async with context.bus.units.begin() as uow:
        rows = await webhooks.endpoints(uow.rows, after=page.after, limit=page.rows)
        views = [await _view(uow.rows, row.endpoint_id, context) for row in rows]
    return page.of(views, lambda view: view, position=lambda view: view.endpoint_id)


@router.get("/{endpoint_id}", response_model=WebhookEndpointView)
async def show_endpoint(endpoint_id: UUID, caller: AdminCaller, context: Context) -> Response:
    """Returns one endpoint, without its secret."""
    async with context.bus.units.begin() as uow:
        return _shown(await _view(uow.rows, endpoint_id, context))


@router.patch("/{endpoint_id}", response_model=WebhookEndpointView)
async def change_endpoint(
    endpoint_id: UUID,
    body: WebhookEndpointChange,
    caller: AdminCaller,
    expected: ExpectedVersion,
    context: Context,
    admission: Changing,
) -> Response:
    """Changes the URL, the event types, or whether the endpoint is enabled. A disabled endpoint
    gets no new events; deliveries that wait are sent when it is enabled again.
    """
    admission.tenant(caller.tenant_id)
    command = ChangeWebhookEndpoint(
        endpoint_id=endpoint_id,
        url=None if body.url is None else _url(body.url, context),
        event_types=body.event_types,
        enabled=body.enabled,
        expected_version=expected,
        at=context.now,
    )
    async with context.bus.units.begin() as uow:
        await context.bus.execute(command, uow)
        return _shown(await _view(uow.rows, endpoint_id, context))


@router.delete("/{endpoint_id}", status_code=204)
async def delete_endpoint(endpoint_id: UUID, caller: AdminCaller, context: Context, admission: Changing) -> Response:
    """Deletes the endpoint with its secrets and its log. Nothing is sent to it any more, except a
    request that runs at this moment.
    """
    admission.tenant(caller.tenant_id)
    await context.bus.handle(DeleteWebhookEndpoint(endpoint_id=endpoint_id, at=context.now))
    return Response(status_code=204)


_ROTATION = SecretRotation()


@router.post("/{endpoint_id}/rotate-secret")
async def rotate_secret(
    endpoint_id: UUID, caller: AdminCaller, context: Context, admission: Changing, body: SecretRotation = _ROTATION
) -> NewSecretView:
    """Creates a new secret and shows it once. During the overlap each webhook has a signature of
    the new secret and one of each earlier secret that is still valid, at most three together.
    """
    admission.tenant(caller.tenant_id)
    secret, sealed = _new_secret(context)
    command = RotateWebhookSecret(
        tenant_id=caller.tenant_id,
        endpoint_id=endpoint_id,
        secret=sealed,
        overlap_seconds=body.overlap_seconds,
        at=context.now,
    )
    async with context.bus.units.begin() as uow:
        await context.bus.execute(command, uow)
        until = await webhooks.earlier_valid_until(uow.rows, endpoint_id, context.now)
    return NewSecretView(secret=secret, earlier_secrets_valid_until=until)


@router.get("/{endpoint_id}/changes")
async def list_changes(
    endpoint_id: UUID, page: Annotated[PageRequest[int], paged_by(int)], caller: AdminCaller, context: Context
) -> Page[WebhookChangeView]:
    """Lists what changed, when and by whom, oldest first."""
    async with context.bus.units.begin() as uow:
        await webhooks.endpoint(uow.rows, endpoint_id)
        rows = await webhooks.changes(uow.rows, endpoint_id, after=page.after, limit=page.rows)
    return page.of(rows, WebhookChangeView.model_validate, position=lambda row: row.version)


def _url(text: str, context: Context) -> str:
    """Raises WebhookUrlRefused."""
    return str(WebhookUrl.parse(text, private_networks=context.resources.webhooks_to_private_networks))


def _new_secret(context: Context) -> tuple[str, NewWebhookSecret]:
    secret, sealer = new_secret(), context.resources.sealer
    return secret, NewWebhookSecret(secret_id=new_id(), sealing_key_id=sealer.key_id, sealed=sealer.seal(secret))


async def _view(rows: AsyncConnection, endpoint_id: UUID, context: Context) -> WebhookEndpointView:
    row = await webhooks.endpoint(rows, endpoint_id)
    until = await webhooks.earlier_valid_until(rows, endpoint_id, context.now)
    return WebhookEndpointView.model_validate({**row._mapping, "earlier_secrets_valid_until": until})


def _shown(view: WebhookEndpointView) -> Response:
    return shown(view, version=view.version)
