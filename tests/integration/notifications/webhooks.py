"""A tenant with a receiver of webhooks."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.billing import InvoiceFinalized, InvoicePaid
from services.notifications.handlers.webhooks import WEBHOOK_DELIVERIES
from tests.integration.notifications.billing_events import finalized, of_an_invoice
from tests.integration.notifications.digests import headers
from tests.integration.notifications.service import NotificationsService, Person
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import new_id
from waypost.kernel.role import Role
from waypost.testing.envelopes import envelope_of
from waypost.testing.eventually import eventually

_DUE = """
select count(*) as jobs from jobs where tenant_id = :tenant and status in ('queued', 'running') and run_at <= now()"""


@dataclass(slots=True)
class Receiver:
    """A receiver whose answers a test chooses."""

    url: str = ""
    received: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], Response] = lambda event: Response(status_code=204)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/hooks/{name}", self._receive, methods=["POST"])])

    @property
    def events(self) -> Sequence[tuple[str, str, int]]:
        """Path's name, object and version of each request."""
        return [
            (head["x-name"], event["data"]["id"], event["data"]["version"])
            for head, body in self.received
            for event in [json.loads(body)]
        ]

    async def _receive(self, request: Request) -> Response:
        body = await request.body()
        self.received.append(({**request.headers, "x-name": request.path_params["name"]}, body))
        return self.answer(json.loads(body))


@dataclass(slots=True)
class Tenant:
    """An admin's requests, the tenant's events, and its jobs."""

    service: NotificationsService
    http: httpx.AsyncClient
    receiver: Receiver
    admin: Person = field(default_factory=Person)

    @property
    def id(self) -> UUID:
        return self.admin.tenant_id

    async def request(self, method: str, path: str, body: object = None, **sent: str) -> httpx.Response:
        authorized = {**headers(self.admin, Role.ADMIN, at=self.service.clock.now()), **sent}
        return await self.http.request(method, f"/webhook-endpoints{path}", json=body, headers=authorized)

    async def endpoint(self, *event_types: str, name: str = "a", url: str = "") -> Mapping[str, Any]:
        """The answer of the creation, with the secret."""
        body = {"url": url or f"{self.receiver.url}/hooks/{name}", "event_types": event_types or ["invoice.finalized"]}
        made = await self.request("POST", "", body)
        assert made.status_code == 201, made.text
        created: Mapping[str, Any] = made.json()
        return created

    async def shown(self, endpoint: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = (await self.request("GET", f"/{endpoint['endpoint_id']}")).json()
        return found

    async def deliveries(self, endpoint: Mapping[str, Any], query: str = "") -> Sequence[Mapping[str, Any]]:
        """The log, oldest first."""
        listed = await self.request("GET", f"/{endpoint['endpoint_id']}/deliveries{query}")
        assert listed.status_code == 200, listed.text
        return list(reversed(listed.json()["data"]))

    def finalized(self, invoice_id: UUID | None = None, version: int = 1) -> Envelope[InvoiceFinalized]:
        now = self.service.clock.now()
        invoice_id = invoice_id or new_id()
        return envelope_of(finalized(self.admin, invoice_id, now), invoice_id, version, at=now)

    def paid(self, invoice_id: UUID, version: int) -> Envelope[InvoicePaid]:
        now = self.service.clock.now()
        event = of_an_invoice(self.admin, invoice_id, now)["invoice_paid"]
        assert isinstance(event, InvoicePaid)
        return envelope_of(event, invoice_id, version, at=now)

    async def happen(self, *envelopes: Envelope[Event]) -> None:
        for envelope in envelopes:
            await self.service.deliver(envelope, to=WEBHOOK_DELIVERIES.name, repeat=True)

    async def run_due_jobs(self) -> None:
        """Runs the job worker until no job of the tenant is due; later ones stay."""

        async def is_idle() -> bool:
            [count] = await self.service.rows(self.id, _DUE, tenant=self.id)
            return bool(count["jobs"] == 0)

        async with self.service.working():
            await eventually(is_idle, deadline_seconds=20)

    async def after(self, **passed: float) -> None:
        """Moves the clock and runs what is due then."""
        await self.service.pass_time(timedelta(**passed))
        await self.run_due_jobs()
