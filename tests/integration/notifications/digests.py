"""Customers with invoices, and their actions."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import httpx

from schemas.billing import InvoiceFinalized, InvoicePaid
from services.notifications.commands import QueueDigest
from tests.integration.notifications.service import NotificationsService, Person
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.role import Role
from waypost.kernel.tenant import bound_tenants
from waypost.testing.tokens import bearer
from waypost.web.principal import Principal

DAY, NINE = date(2025, 3, 1), "2025-03-01T09:00:00"
DUE = datetime(2025, 3, 15, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    customer: Person
    number: int
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """Uses a movable clock. Billing's events go to both consumers; customers act over HTTP."""

    service: NotificationsService
    http: httpx.AsyncClient

    def set_clock(self, moment: str) -> None:
        self.service.clock.move_to(datetime.fromisoformat(moment).replace(tzinfo=UTC))

    def headers(self, person: Person) -> dict[str, str]:
        """Signed in by the service's clock."""
        return headers(person, at=self.service.clock.now())

    async def tick(self, moment: str, *, schedulers: int = 1) -> None:
        """Ticks the schedule, like job processes at that time."""
        self.set_clock(moment)
        await asyncio.gather(*(self.service.scheduler().tick() for _ in range(schedulers)))

    async def subscriber(self, tenant_id: UUID | None = None) -> Person:
        person = await self.customer(tenant_id)
        await self.choose(person, digest=True)
        return person

    async def customer(self, tenant_id: UUID | None = None) -> Person:
        if tenant_id is None:
            person = Person()
            await self.service.know(person)
        else:
            person = Person(tenant_id=tenant_id)
            now = self.service.clock.now()
            await self.service.project(person.created(now), person.verified(now))
        return person

    async def choose(self, person: Person, *, digest: bool) -> None:
        put = await self.http.put("/preferences", json={"digest": digest}, headers=self.headers(person))
        assert (put.status_code, put.json()["digest"]) == (200, digest)

    async def invoice(self, person: Person, number: int, total_minor: int = 24_690) -> Invoice:
        """Finalizes an invoice and mails it."""
        invoice = Invoice(customer=person, number=number)
        finalized = InvoiceFinalized(
            **facts_of(invoice), total_minor=total_minor, due_at=DUE, finalized_at=self.service.clock.now()
        )
        await self._deliver(invoice, finalized, version=2)
        await self.service.run_jobs(person.tenant_id)
        return invoice

    async def pay(self, invoice: Invoice) -> None:
        paid = InvoicePaid(
            **facts_of(invoice),
            amount_minor=24_690,
            attempt_id=new_id(),
            attempt=1,
            provider_charge_id="ch_1",
            paid_at=self.service.clock.now(),
        )
        await self._deliver(invoice, paid, version=3)

    async def read(self, person: Person, *invoices: Invoice) -> None:
        """Marks the notifications about these invoices as read; without invoices, all."""
        wanted = {str(item.id) for item in invoices}
        for item in await self.unread(person):
            if not wanted or item["subject_id"] in wanted:
                marked = await self.http.post(f"/notifications/{item['id']}/read", headers=self.headers(person))
                assert marked.json()["read_at"] is not None, marked.text

    async def unread(self, person: Person) -> Sequence[Mapping[str, Any]]:
        listed = await self.http.get("/notifications", params={"unread": True}, headers=self.headers(person))
        notifications: Sequence[Mapping[str, Any]] = listed.json()["data"]
        return notifications

    async def queue(self, person: Person) -> None:
        """Queues a digest that is not mailed yet."""
        self.set_clock(NINE)
        command = QueueDigest(
            tenant_id=TenantId(person.tenant_id), user_id=person.user_id, day=DAY, at=self.service.clock.now()
        )
        with bound_tenants([command.tenant_id]):
            assert await self.service.bus.handle(command)

    async def mailed(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """The digests in the inbox, oldest first, after all jobs of the tenant have run."""
        await self.service.run_jobs(person.tenant_id)
        return [mail for mail in await self.service.mails(person) if mail["subject"].startswith("Unread")]

    async def emails(self, person: Person) -> Sequence[tuple[str, str | None]]:
        """Status and reason of the customer's digests."""
        query = (
            "select status, reason from notifications where kind = 'digest' and recipient_id = :id order by queued_at"
        )
        rows = await self.service.rows(person.tenant_id, query, id=person.user_id)
        return [(row["status"], row["reason"]) for row in rows]

    async def _deliver(self, invoice: Invoice, event: InvoiceFinalized | InvoicePaid, *, version: int) -> None:
        source = Person(tenant_id=invoice.customer.tenant_id, user_id=invoice.id)
        envelope = source.envelope(event, version)
        await self.service.project(envelope)
        await self.service.react(envelope)


def facts_of(invoice: Invoice) -> Mapping[str, Any]:
    return {
        "tenant_id": invoice.customer.tenant_id,
        "invoice_id": invoice.id,
        "customer_id": invoice.customer.user_id,
        "number": invoice.number,
        "currency": "EUR",
    }


def headers(person: Person, role: Role = Role.MEMBER, *, at: datetime | None = None) -> dict[str, str]:
    return bearer(Principal(user_id=person.user_id, tenant_id=TenantId(person.tenant_id), role=role), at=at)
