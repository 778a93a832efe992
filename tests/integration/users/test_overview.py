"""`GET /users/{id}/overview`: invoices and subscriptions, until the user is erased."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from schemas.billing import (
    InvoiceDisputeClosed,
    InvoiceDisputed,
    InvoiceFinalized,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoiceRefunded,
    InvoiceRefundFailed,
    InvoiceVoided,
    SubscriptionCanceled,
    SubscriptionCancellationScheduled,
    SubscriptionCreated,
    SubscriptionPastDue,
)
from services.users.handlers import absent_customers
from services.users.projections import BILLED
from tests.integration.users.billed import Billed, erasure, hear, stored
from tests.integration.users.service import NOON, UsersService
from tests.integration.users.test_person_keys import run_cleanup
from waypost.engine.projections import project
from waypost.kernel.ids import TenantId
from waypost.postgres.rebuild.shadow import PostgresShadowFactory
from waypost.testing.eventually import eventually

NOTHING: dict[str, Any] = {
    "invoices": {"open": 0, "paid": 0, "void": 0, "uncollectible": 0},
    "amounts": [],
    "last_payment": None,
    "subscriptions": {"trialing": 0, "incomplete": 0, "active": 0, "past_due": 0, "canceled": 0},
    "current_subscriptions": [],
}
LATER = NOON + timedelta(hours=1)


async def test_an_overview_adds_up_what_billing_said(users: UsersService) -> None:
    owner = await users.open_tenant()
    member, other = await users.join(owner.tenant_id), await users.join(owner.tenant_id)
    path = f"/users/{member.user_id}/overview"
    empty = await users.http.get(path, headers=member.headers)
    assert empty.json() == {"user_id": str(member.user_id), **NOTHING}

    first, second, third, fourth, fifth, dollars = (Billed(member) for _ in range(6))
    yearly, monthly = Billed(member, "subscription_id"), Billed(member, "subscription_id")
    events = [
        first.event(InvoiceFinalized, total_minor=1_000),
        first.event(InvoicePaid, amount_minor=1_000, number=1, paid_at=NOON),
        first.event(InvoiceRefunded, amount_minor=300),
        first.event(InvoiceRefunded, amount_minor=200),
        first.event(InvoiceRefundFailed, amount_minor=200, was_booked=True),
        first.event(InvoiceRefundFailed, amount_minor=50, was_booked=False),
        second.event(InvoiceFinalized, total_minor=500, number=2),
        second.event(InvoicePaid, amount_minor=500, paid_at=LATER),
        second.event(InvoiceDisputed, amount_minor=500),
        third.event(InvoiceFinalized, total_minor=70),
        third.event(InvoiceVoided),
        fourth.event(InvoiceFinalized, total_minor=40),
        fourth.event(InvoiceMarkedUncollectible),
        fifth.event(InvoiceFinalized, total_minor=9),
        dollars.event(InvoiceFinalized, total_minor=77, currency="USD"),
        dollars.event(InvoicePaid, amount_minor=77, currency="USD", paid_at=NOON),
        dollars.event(InvoiceDisputed, amount_minor=77, currency="USD"),
        dollars.event(InvoiceDisputeClosed, amount_minor=77, currency="USD", outcome="won"),
        yearly.event(SubscriptionCreated, plan="pro", amount_minor=99, trial_end=None, period_end=LATER),
        yearly.event(SubscriptionPastDue, status="past_due"),
        yearly.event(SubscriptionCancellationScheduled, cancel_at=LATER),
        monthly.event(SubscriptionCreated),
        monthly.event(SubscriptionCanceled),
        Billed(other).event(InvoiceFinalized, total_minor=123_456),
    ]
    await hear(users, *events)
    await hear(users, *events)  # Kafka may deliver each record again

    shown = (await users.http.get(path, headers=member.headers)).json()
    assert shown["invoices"] == {"open": 1, "paid": 3, "void": 1, "uncollectible": 1}
    euros = {"invoiced_minor": 1_549, "open_minor": 9, "paid_minor": 1_500, "uncollectible_minor": 40}
    euros |= {"refunded_minor": 300, "disputed_minor": 500}
    usd = dict.fromkeys(euros, 0) | {"invoiced_minor": 77, "paid_minor": 77}
    assert shown["amounts"] == [{"currency": "EUR", **euros}, {"currency": "USD", **usd}]
    assert (shown["last_payment"]["invoice_id"], shown["last_payment"]["amount_minor"]) == (str(second.id), 500)
    assert shown["subscriptions"] == NOTHING["subscriptions"] | {"past_due": 1, "canceled": 1}
    [current] = shown["current_subscriptions"]
    assert (current["plan"], current["status"], current["amount_minor"]) == ("pro", "past_due", 99)
    assert current["cancel_at"] is not None

    assert (await users.http.get(path, headers=owner.headers)).json() == shown
    for who, user_id in ((other, member.user_id), (owner, uuid4()), (await users.open_tenant(), member.user_id)):
        answer = await users.http.get(f"/users/{user_id}/overview", headers=who.headers)
        assert answer.status_code == 404


async def test_an_erased_user_has_no_rows_in_any_order_of_the_topics(users: UsersService) -> None:
    owner = await users.open_tenant()
    member, late = await users.join(owner.tenant_id), await users.join(owner.tenant_id)
    invoice, unknown = Billed(member), Billed(late)
    subscription = Billed(member, "subscription_id")
    await hear(users, invoice.event(InvoiceFinalized), subscription.event(SubscriptionCreated))
    assert await stored(users, owner.tenant_id) == [1, 1]
    for person in (member, late):
        assert (await users.http.delete(f"/users/{person.user_id}", headers=owner.headers)).status_code == 204

    await hear(users, erasure(member), erasure(late))
    assert await stored(users, owner.tenant_id) == [0, 0]
    await hear(users, invoice.event(InvoicePaid), unknown.event(InvoiceFinalized), unknown.event(InvoicePaid))
    assert await stored(users, owner.tenant_id) == [0, 0]
    shown = await users.http.get(f"/users/{member.user_id}/overview", headers=owner.headers)
    assert shown.status_code == 404


async def test_an_erasure_waits_for_a_batch_that_adds_rows_of_the_person(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    tenant_id = TenantId(owner.tenant_id)
    async with users.database.transaction([tenant_id]) as rows:
        await project([Billed(member).event(InvoiceFinalized)], BILLED.handlers, rows)
        erasing = asyncio.create_task(users.http.delete(f"/users/{member.user_id}", headers=owner.headers))
        await eventually(lambda: waits_for_a_lock(users, owner.tenant_id))
    assert (await erasing).status_code == 204
    assert await stored(users, owner.tenant_id) == [1, 0], "the erasure is published after the row"
    await hear(users, erasure(member))
    assert await stored(users, owner.tenant_id) == [0, 0]


async def test_the_comparison_of_a_rebuild_delays_no_erasure(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    shadows = PostgresShadowFactory("users", BILLED, app_dsn=users.where.app, owner_dsn=users.where.owner)
    async with shadows.shadow() as shadow, shadow.snapshot() as snapshot:
        async with snapshot.transactions.begin([TenantId(owner.tenant_id)]) as transaction:
            await project([Billed(member).event(InvoiceFinalized)], BILLED.handlers, transaction.rows)
            added = await transaction.rows.execute(text("select count(*) from billed_invoices"))
            assert added.scalar_one() == 1
        erased = await users.http.delete(f"/users/{member.user_id}", headers=owner.headers)
        assert erased.status_code == 204, "the comparison of all rows would follow"


async def test_the_next_night_deletes_rows_of_a_person_without_an_account(
    users: UsersService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(absent_customers, "CUSTOMERS_AT_ONCE", 1)
    owner = await users.open_tenant()
    people = [owner, *[await users.join(owner.tenant_id) for _ in range(3)]]
    for person in people:
        await hear(
            users,
            Billed(person).event(InvoiceFinalized),
            Billed(person).event(InvoiceFinalized),
            Billed(person, "subscription_id").event(SubscriptionCreated),
        )
    for person in people[1:3]:
        assert (await users.http.delete(f"/users/{person.user_id}", headers=owner.headers)).status_code == 204
    assert await stored(users, owner.tenant_id) == [8, 4]
    await run_cleanup(users, owner.tenant_id)
    assert await stored(users, owner.tenant_id) == [4, 2]
    overview = (await users.http.get(f"/users/{people[3].user_id}/overview", headers=owner.headers)).json()
    assert overview["invoices"]["open"] == 2


async def waits_for_a_lock(users: UsersService, tenant_id: UUID) -> bool:
    query = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    return bool(await users.rows(tenant_id, query))
