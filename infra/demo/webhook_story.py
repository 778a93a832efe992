"""A receiver of webhooks on this machine, an endpoint of the tenant, and the events that arrive."""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.demo.money_story import Requests
from infra.demo.step_printer import NotObserved, StepPrinter
from waypost.native.ports import LOOPBACK
from waypost.web.server import HttpServer

TOLERANCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class ReceivedWebhook:
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event

    def is_signed_with(self, secret: str) -> bool:
        """As the guide to webhooks describes it (Standard Webhooks 1.0.0)."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
        received = self.headers["webhook-signature"].encode().split(b" ")
        is_recent = abs(time.time() - int(self.headers["webhook-timestamp"])) <= TOLERANCE_SECONDS
        return is_recent and any(hmac.compare_digest(expected, each) for each in received)


@dataclass(slots=True)
class Receiver:
    """The tenant's own system."""

    url: str = ""
    received: list[ReceivedWebhook] = field(default_factory=list)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        app = Starlette(routes=[Route("/webhooks", self._receive, methods=["POST"])])
        server = HttpServer(app, host=LOOPBACK, port=0)
        await server.start()
        try:
            self.url = f"http://{LOOPBACK}:{server.port}/webhooks"
            yield
        finally:
            await server.drain(deadline_seconds=1)
            await server.stop()

    async def of(self, event_type: str, object_id: str) -> ReceivedWebhook | None:
        matching = (each for each in self.received if each.event["type"] == event_type)
        return next((each for each in matching if each.event["data"]["id"] == object_id), None)

    async def _receive(self, request: Request) -> Response:
        self.received.append(ReceivedWebhook(dict(request.headers), await request.body()))
        return Response(status_code=204)


class WebhookStory:
    """`create` begins it, and `observe` ends it, after an invoice was paid in between."""

    def __init__(self, requests: Requests, receiver: Receiver, *, notifications: str) -> None:
        self._requests = requests
        self._printer: StepPrinter = requests.printer
        self._receiver = receiver
        self._notifications = notifications
        self._secret = self._endpoint_id = ""

    async def create(self) -> None:
        self._printer.chapter("A webhook endpoint")
        types = ["invoice.finalized", "invoice.paid"]
        body = {"url": self._receiver.url, "event_types": types}
        made = await self._requests.post(f"{self._notifications}/webhook-endpoints", body)
        self._secret, self._endpoint_id = made.json()["secret"], made.json()["endpoint_id"]
        self._printer.saw(f"POST /webhook-endpoints → {made.status_code}", "the secret is shown once: whsec_…")

    async def observe(self, invoice_id: str) -> None:
        self._printer.chapter("The webhook arrives")
        for event_type in ("invoice.finalized", "invoice.paid"):
            arrived = partial(self._receiver.of, event_type, invoice_id)
            webhook = await self._printer.wait_for(f"the webhook {event_type}", arrived)
            if not webhook.is_signed_with(self._secret):
                raise NotObserved(f"a valid signature of {event_type}; the headers were {webhook.headers}")
            signature = webhook.headers["webhook-signature"]
            self._printer.saw(
                f"{event_type}, version {webhook.event['data']['version']}, with a valid signature",
                f"webhook-id: {webhook.headers['webhook-id']}\nwebhook-signature: {signature}",
            )
        delivered = await self._printer.wait_for("the log of deliveries", self._delivered)
        self._printer.saw(f"GET /webhook-endpoints/…/deliveries: {delivered} delivered")

    async def _delivered(self) -> int:
        url = f"{self._notifications}/webhook-endpoints/{self._endpoint_id}/deliveries?status=delivered"
        answer: httpx.Response = await self._requests.get(url)
        count = len(answer.json()["data"])
        return count if count >= 2 else 0
