"""The provider's HTTP API under /v1."""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response

from infra.simulators.database import Database
from infra.simulators.payments.bodies import Attachment, ChargeOrder, NewPaymentMethod, RefundOrder
from infra.simulators.payments.cards import CardBehaviour
from infra.simulators.payments.charges import charge_page, get_charge, list_charges
from infra.simulators.payments.idempotency import StoredResponse
from infra.simulators.payments.payment_methods import get_payment_method
from infra.simulators.payments.provider import Provider
from infra.simulators.payments.refunds import list_refunds
from infra.simulators.payments.webhook_sender import WebhookSender
from infra.simulators.payments.webhooks import list_webhooks

_FIRST = datetime(2000, 1, 1, tzinfo=UTC)

IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=255)]


def create_router(provider: Provider, database: Database, sender: WebhookSender | None) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/charges", status_code=201)
    async def create_charge(order: ChargeOrder, key: IdempotencyKey, request: Request) -> Response:
        """201 a charge; 402 declined, with the failed charge's id; 409 the key's first request
        still runs.
        """
        response = await provider.charge(key, order)
        _respond(sender)
        card = await provider.card_of(order.payment_method)
        if card.behaviour is CardBehaviour.SILENT_AFTER_CHARGE and not response.replayed:
            await _wait_for_disconnect(request)
        return _response(response)

    @router.get("/charges")
    async def all_charges(
        idempotency_key: str | None = None,
        tenant_id: str | None = None,
        created_from: datetime = _FIRST,
        starting_after: str | None = None,
        limit: int = 100,
    ) -> dict[str, Any]:
        """Every charge with its refunds, oldest first; with `idempotency_key`, only those with that
        key. With `tenant_id`, a page of the charges whose metadata name it.
        """
        if tenant_id is not None:
            page, has_more = await database.transaction(
                lambda rows: charge_page(
                    rows, tenant_id=tenant_id, created_from=created_from, after=starting_after, limit=limit
                )
            )
            return _listed(page) | {"has_more": has_more}
        return _listed(await database.transaction(lambda rows: list_charges(rows, idempotency_key)))

    @router.get("/charges/{charge_id}")
    async def one_charge(charge_id: str) -> dict[str, Any]:
        return await database.transaction(lambda rows: get_charge(rows, charge_id))

    @router.post("/refunds", status_code=201)
    async def create_refund(order: RefundOrder, key: IdempotencyKey) -> Response:
        """201 a refund; 400 when less is left of the charge; 409 the key's first request still
        runs.
        """
        response = await provider.refund(key, order)
        _respond(sender)
        return _response(response)

    @router.get("/refunds")
    async def all_refunds(idempotency_key: str | None = None) -> dict[str, Any]:
        """Every refund, oldest first; with `idempotency_key`, only those with that key."""
        return _listed(await database.transaction(lambda rows: list_refunds(rows, idempotency_key)))

    @router.get("/events")
    async def all_events() -> dict[str, Any]:
        """Every webhook, oldest first, with its delivery status."""
        return _listed(await database.transaction(list_webhooks))

    @router.post("/payment_methods", status_code=201)
    async def create_payment_method(body: NewPaymentMethod) -> dict[str, Any]:
        """A payment method without an owner. It belongs to the first customer that it is attached
        to.
        """
        return await provider.add_payment_method(body.card)

    @router.post("/payment_methods/{token}/attach")
    async def attach_payment_method(token: str, body: Attachment) -> dict[str, Any]:
        """The customer's payment method; 400 when it belongs to another customer."""
        return await provider.attach(token, body.customer)

    @router.get("/payment_methods/{token}")
    async def payment_method(token: str) -> dict[str, Any]:
        return await database.transaction(lambda rows: get_payment_method(rows, token))

    return router


def _response(response: StoredResponse) -> Response:
    headers = {"Idempotent-Replayed": "true"} if response.replayed else None
    return JSONResponse(response.body, response.status, headers)


def _listed(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "list", "data": items}


def _respond(sender: WebhookSender | None) -> None:
    if sender is not None:
        sender.wake()


async def _wait_for_disconnect(request: Request) -> None:
    # A stopping process cancels this call; the caller then receives the answer rather than an
    # invented failure.
    with contextlib.suppress(asyncio.CancelledError):
        # The body has been read, so the next message from the server is the client's disconnect.
        while (await request.receive())["type"] != "http.disconnect":
            pass
