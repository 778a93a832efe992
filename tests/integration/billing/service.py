"""The billing service under test, and what a tenant's people, the provider and the users service would do with it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
from pydantic import SecretStr
from sqlalchemy import text

from schemas.users import UserCreated
from services.billing.app import SERVICE
from services.billing.commands import BeginCharge, RecordDecision
from services.billing.handlers.customers import CUSTOMERS
from services.billing.ports import Decision, Moved
from tests.fixtures.web import SIGNING_KEY, bearer
from waypost.hosting.api import api_app, operators_database
from waypost.hosting.runtime import Runtime, build_runtime
from waypost.hosting.settings import ApiSettings
from waypost.jobs.worker import JobWorker, JobWorkerSettings
from waypost.kernel.cause import current_cause
from waypost.kernel.command import Command
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.kernel.role import Role
from waypost.kernel.tenant import bound_tenants
from waypost.native.ports import LOOPBACK
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import connected
from waypost.testing.eventually import eventually
from waypost.web.auth import Principal
from waypost.web.keys import LocalKeys

Row = Mapping[str, Any]
R = TypeVar("R")

NO_TIME = timedelta(0)


class BillingService:
    def __init__(
        self, http: httpx.AsyncClient, where: ServiceDatabase, runtime: Runtime, payments: httpx.AsyncClient
    ) -> None:
        self.http = http
        self.where = where
        self.runtime = runtime
        self.bus = runtime.bus
        self.payments = payments
        """The provider itself."""

    async def company(self) -> "Company":
        company = Company(self, TenantId(uuid4()))
        company.customer_id = await company.join()
        return company

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """With a job worker beside the API."""
        worker = JobWorker(
            self.runtime.database,
            self.runtime.units,
            self.runtime.jobs,
            clock=self.runtime.clock,
            wakeup=self.runtime.wakeups.subscribe("jobs"),
            resources=SERVICE.job_resources,
            settings=JobWorkerSettings(poll_seconds=0.1),
        )
        await worker.start()
        try:
            yield
        finally:
            await worker.stop()

    @asynccontextmanager
    async def refusing(self, table: str) -> AsyncIterator[None]:
        """Inserts into the table fail. Into `outbox` that is the last statement of a request: everything else is written by then."""
        async with connected(self.where.owner) as owner:
            await owner.execute(f"revoke insert on {table} from billing_app")
            try:
                yield
            finally:
                await owner.execute(f"grant insert on {table} to billing_app")


class Company:
    """A tenant of billing, seen by its owner unless a caller is named."""

    def __init__(self, billing: BillingService, tenant_id: TenantId) -> None:
        self.billing = billing
        self.tenant_id = tenant_id
        self.customer_id = uuid4()
        self.owner_id = uuid4()

    def headers(self, role: Role = Role.OWNER, user_id: UUID | None = None) -> dict[str, str]:
        return bearer(Principal(user_id=user_id or self.owner_id, tenant_id=self.tenant_id, role=role))

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.billing.http.post(path, json=body, headers=self.headers() | named)

    async def get(self, path: str, **parameters: str | int) -> Any:
        answer = await self.billing.http.get(path, params=parameters, headers=self.headers())
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def join(self) -> UUID:
        """A user of the tenant, as the users service tells of them."""
        user_id = new_id()
        await self.react(
            UserCreated(
                tenant_id=self.tenant_id,
                user_id=user_id,
                email=f"person.{user_id.hex}@example.com",
                display_name="Ada Lovelace",
                role="member",
                locale="en",
                created_at=self.billing.runtime.clock.now(),
            ),
            user_id,
        )
        return user_id

    async def react(self, event: Event, user_id: UUID, version: int = 1) -> None:
        envelope = Envelope(
            event=event,
            event_id=EventId(new_id()),
            tenant_id=self.tenant_id,
            aggregate_id=user_id,
            aggregate_version=version,
            occurred_at=self.billing.runtime.clock.now(),
            source="/services/users",
            cause=current_cause(),
        )
        with bound_tenants([self.tenant_id]):
            async with self.billing.bus.units.begin() as uow:
                await CUSTOMERS.handlers[type(event)](envelope, uow)

    async def attach_card(self, card: str = "pm_card_visa") -> httpx.Response:
        answer = await self.post(f"/customers/{self.customer_id}/payment-methods", {"token": card})
        assert answer.status_code == 201, answer.text
        return answer

    async def draft(self, *amounts: int) -> str:
        """The id of an invoice with a line for each amount."""
        made = await self.post("/invoices", {"customer_id": str(self.customer_id), "currency": "EUR"})
        assert made.status_code == 201, made.text
        invoice_id: str = made.json()["id"]
        for amount in amounts:
            line = {"description": "Difference engine", "quantity": 1, "unit_amount_minor": amount}
            added = await self.post(f"/invoices/{invoice_id}/lines", line)
            assert added.status_code == 201, added.text
        return invoice_id

    async def finalized(self, *amounts: int) -> str:
        invoice_id = await self.draft(*(amounts or (24_690,)))
        answer = await self.post(f"/invoices/{invoice_id}/finalize", {})
        assert answer.status_code == 200, answer.text
        return invoice_id

    async def paid(self, *amounts: int) -> str:
        invoice_id = await self.finalized(*amounts)
        await self.decide(await self.begin_charge(invoice_id), Moved(provider_id=f"ch_{invoice_id}"))
        return invoice_id

    async def begin_charge(self, invoice_id: str, after: timedelta = NO_TIME) -> UUID:
        """What the charge job does before it asks the provider; the id of the attempt."""
        attempt = await self.handle(self.charge_of(invoice_id, after))
        assert attempt is not None
        return attempt.id

    def charge_of(self, invoice_id: str, after: timedelta = NO_TIME) -> BeginCharge:
        return BeginCharge(
            invoice_id=UUID(invoice_id),
            attempt_id=new_id(),
            requested_by=f"test-{new_id()}",
            at=self.billing.runtime.clock.now() + after,
        )

    async def decide(self, attempt_id: UUID, decision: Decision, after: timedelta = NO_TIME) -> None:
        at = self.billing.runtime.clock.now() + after
        await self.handle(RecordDecision(attempt_id=attempt_id, decision=decision, at=at))

    async def handle(self, command: Command[R]) -> R:
        with bound_tenants([self.tenant_id]):
            return await self.billing.bus.handle(command)

    async def becomes(self, invoice_id: str, **expected: object) -> Row:
        """The invoice, once its view says so."""

        async def seen() -> Row:
            invoice: Row = await self.get(f"/invoices/{invoice_id}")
            assert {name: invoice[name] for name in expected} == expected, invoice
            return invoice

        return await eventually(seen, deadline_seconds=20)

    async def rows(self, query: str, **values: object) -> Sequence[Row]:
        """What the tables hold for this tenant."""
        async with self.billing.runtime.database.transaction([self.tenant_id]) as connection:
            return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]

    async def event_types(self, invoice_id: str) -> Sequence[str]:
        return [each["type"] for each in await self.get(f"/invoices/{invoice_id}/events")]

    async def stored(self) -> Mapping[str, int]:
        """How many rows each table holds for the tenant; the outbox as the relay sees it, which alone may."""
        tables = ("events", "invoices", "postings", "payment_attempts", "invoice_numbers", "jobs", "job_results")
        query = "select count(*) as n from {} where tenant_id = :tenant"
        counts = {each: (await self.rows(query.format(each), tenant=self.tenant_id))[0]["n"] for each in tables}
        async with connected(self.billing.where.relay) as relay:
            query = "select count(*) from outbox where tenant_id = $1"
            counts["outbox"] = await relay.fetchval(query, self.tenant_id)
        return counts


def settings_of(where: ServiceDatabase) -> ApiSettings:
    return ApiSettings(
        service_port=1,
        app_dsn=where.app,
        ops_dsn=where.ops,
        kafka_bootstrap=f"{LOOPBACK}:1",  # no route of these tests asks it
        idempotency_secret=SecretStr("a secret that stays the same"),
    )


@asynccontextmanager
async def running_billing(where: ServiceDatabase, payments: httpx.AsyncClient) -> AsyncIterator[BillingService]:
    service = replace(SERVICE, token_keys=lambda _opened: LocalKeys(SIGNING_KEY))
    settings = settings_of(where)
    runtime = build_runtime(service, "api", dsn=settings.app_dsn, pool_size=8)
    app = api_app(service, settings, runtime, ops=operators_database(service, settings))
    try:
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://billing") as http:
                yield BillingService(http, where, runtime, payments)
    finally:
        await runtime.database.close()
