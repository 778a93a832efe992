"""The billing service under test, with the actions of users, of the provider and of the users
service.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx

from schemas.users import UserCreated
from services.billing.app import SERVICE
from services.billing.commands import BeginCharge, RecordDecision
from services.billing.ports import Decision, Succeeded
from waypost.kernel.command import Command
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.role import Role
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.envelopes import envelope_of
from waypost.testing.eventually import eventually
from waypost.testing.hosted import HostedService
from waypost.testing.tokens import bearer, principal

Row = Mapping[str, Any]
R = TypeVar("R")

NO_TIME = timedelta(0)


class BillingService(HostedService):
    http: httpx.AsyncClient

    def __init__(self, where: ServiceDatabase, payments: httpx.AsyncClient) -> None:
        super().__init__(SERVICE, where)
        self.payments = payments
        """A client of the provider itself."""

    async def company(self) -> "Company":
        company = Company(self, TenantId(uuid4()))
        company.customer_id = await company.join()
        return company


class Company:
    """A tenant of billing; requests are its owner's unless a caller is given."""

    def __init__(self, billing: BillingService, tenant_id: TenantId) -> None:
        self.billing = billing
        self.tenant_id = tenant_id
        self.customer_id = uuid4()
        self.owner_id = uuid4()

    def headers(self, role: Role = Role.OWNER, user_id: UUID | None = None) -> dict[str, str]:
        who = principal(role, tenant_id=self.tenant_id, user_id=user_id or self.owner_id)
        return bearer(who, at=self.billing.clock.now())

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.billing.http.post(path, json=body, headers=self.headers() | named)

    async def get(self, path: str, **parameters: str | int) -> Any:
        response = await self.billing.http.get(path, params=parameters, headers=self.headers())
        assert response.status_code == 200, response.text
        return response.json()

    async def join(self) -> UUID:
        """Adds a user of the tenant through an event of the users service."""
        user_id = new_id()
        await self.react(
            UserCreated(
                tenant_id=self.tenant_id,
                user_id=user_id,
                email=f"person.{user_id.hex}@example.com",
                display_name="Ada Lovelace",
                role="member",
                locale="en",
                created_at=self.billing.clock.now(),
            ),
            user_id,
        )
        return user_id

    async def react(self, event: Event, user_id: UUID, version: int = 1) -> None:
        await self.billing.deliver(envelope_of(event, user_id, version, at=self.billing.clock.now()), to="customers")

    @property
    def cards(self) -> str:
        return f"/customers/{self.customer_id}/payment-methods"

    async def ask(
        self, verb: str, path: str, body: Any = None, *, role: Role = Role.MEMBER, user_id: UUID | None = None
    ) -> httpx.Response:
        """A request of a user: of the customer, unless another is given."""
        headers = self.headers(role, user_id or self.customer_id)
        return await self.billing.http.request(verb, path, json=body, headers=headers)

    async def attach_card(self, card: str = "pm_card_visa") -> httpx.Response:
        """The customer attaches a card."""
        response = await self.ask("POST", self.cards, {"token": card})
        assert response.status_code == 201, response.text
        return response

    async def draft(self, *amounts: int) -> str:
        """The id of a draft with a line for each amount."""
        created = await self.post("/invoices", {"customer_id": str(self.customer_id), "currency": "EUR"})
        assert created.status_code == 201, created.text
        invoice_id: str = created.json()["id"]
        for amount in amounts:
            line = {"description": "Difference engine", "quantity": 1, "unit_amount_minor": amount}
            added = await self.post(f"/invoices/{invoice_id}/lines", line)
            assert added.status_code == 201, added.text
        return invoice_id

    async def finalized(self, *amounts: int) -> str:
        invoice_id = await self.draft(*(amounts or (24_690,)))
        response = await self.post(f"/invoices/{invoice_id}/finalize", {})
        assert response.status_code == 200, response.text
        return invoice_id

    async def paid(self, *amounts: int) -> str:
        invoice_id = await self.finalized(*amounts)
        await self.decide(await self.begin_charge(invoice_id), Succeeded(provider_id=f"ch_{invoice_id}"))
        return invoice_id

    async def begin_charge(self, invoice_id: str, after: timedelta = NO_TIME) -> UUID:
        """Begins an attempt as the charge job does before it asks the provider. Returns its id."""
        attempt = await self.handle(self.charge_of(invoice_id, after))
        assert attempt is not None
        return attempt.id

    def charge_of(self, invoice_id: str, after: timedelta = NO_TIME) -> BeginCharge:
        return BeginCharge(
            invoice_id=UUID(invoice_id),
            attempt_id=new_id(),
            requested_by=f"test-{new_id()}",
            at=self.billing.clock.now() + after,
        )

    async def decide(self, attempt_id: UUID, decision: Decision, after: timedelta = NO_TIME) -> None:
        at = self.billing.clock.now() + after
        await self.handle(RecordDecision(attempt_id=attempt_id, decision=decision, at=at))

    async def handle(self, command: Command[R]) -> R:
        return await self.billing.handle(command, self.tenant_id)

    async def becomes(self, invoice_id: str, **expected: object) -> Row:
        """The invoice's view when it has the expected values."""

        async def read() -> Row:
            invoice: Row = await self.get(f"/invoices/{invoice_id}")
            assert {name: invoice[name] for name in expected} == expected, invoice
            return invoice

        return await eventually(read, deadline_seconds=20)

    async def rows(self, query: str, **values: object) -> Sequence[Row]:
        return await self.billing.rows(self.tenant_id, query, **values)

    async def event_types(self, invoice_id: str) -> Sequence[str]:
        return [event["type"] for event in (await self.get(f"/invoices/{invoice_id}/events"))["data"]]

    async def row_counts(self) -> Mapping[str, int]:
        return await self.billing.row_counts(self.tenant_id)


@asynccontextmanager
async def running_billing(where: ServiceDatabase, payments: httpx.AsyncClient) -> AsyncIterator[BillingService]:
    service = BillingService(where, payments)
    try:
        async with service.api(raise_errors=False) as service.http:
            yield service
    finally:
        await service.close()
