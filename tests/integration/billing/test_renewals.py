"""Subscriptions over time: renewed, written off, erased, and isolated between tenants."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from services.billing.commands import RenewSubscription
from services.billing.handlers import subscriptions
from services.billing.ports import Declined, Succeeded
from tests.integration.billing.decisions import written_off
from tests.integration.billing.renewals import erase, renew
from tests.integration.billing.service import BillingService, Company
from tests.integration.billing.subscriptions import history, invoices_of, seen, subscribed
from waypost.kernel.errors import NotFound
from waypost.kernel.ids import new_id
from waypost.kernel.tenant import bound_tenants
from waypost.testing.database import connected

DAY = timedelta(days=1)

_MANY_SUBSCRIPTIONS = """
insert into subscriptions (tenant_id, subscription_id, customer_id, status, plan, interval, amount_minor, currency, invoice_id,
                           period_start, period_end, created_at, version)
select :tenant, gen_random_uuid(), gen_random_uuid(), 'active', 'starter', 'month', 1, 'EUR', gen_random_uuid(),
       now(), now() + n * interval '1 hour', now(), 1
from generate_series(1, 10000) as n returning 1"""


async def test_the_next_period_is_billed_with_the_changed_plan(company: Company) -> None:
    subscription = await subscribed(company)
    await company.post(f"/subscriptions/{subscription['id']}/change", {"plan": "team"})
    assert await renew(company, subscription)
    now = await seen(company, subscription)
    assert (now["plan"]["code"], now["next_plan"], now["period_start"]) == ("team", None, subscription["period_end"])
    assert [item["total_minor"] for item in await invoices_of(company, subscription)] == [1_900, 4_900]
    jobs = await company.rows("select idempotency_key from jobs where name = 'charge_invoice'")
    assert {"idempotency_key": f"inv-{now['invoice_id']}"} in jobs
    assert not await renew(company, subscription, subscription["period_end"]), "it is not due a second time"


async def test_a_renewal_is_not_early_and_not_after_cancellation(company: Company) -> None:
    subscription = await subscribed(company)
    assert not await renew(company, subscription, subscription["period_start"])
    await company.post(f"/subscriptions/{subscription['id']}/cancel")
    assert await renew(company, subscription), "it ends with its period"
    now = await seen(company, subscription)
    shown = (now["status"], now["ends_at"], now["cancel_at"])
    assert shown == ("canceled", subscription["period_end"], None)
    assert not await renew(company, subscription)
    assert (await history(company, subscription))[1:] == [
        "subscription.cancellation_scheduled",
        "subscription.canceled",
    ]
    assert len(await invoices_of(company, subscription)) == 1
    with pytest.raises(NotFound):
        await company.handle(RenewSubscription(subscription_id=new_id(), at=company.billing.runtime.clock.now()))


async def test_a_renewal_does_not_settle_an_earlier_invoice(company: Company) -> None:
    subscription = await subscribed(company)
    await company.decide(await company.begin_charge(subscription["invoice_id"]), Succeeded(provider_id="ch_1"))
    await renew(company, subscription)
    owed = (await seen(company, subscription))["invoice_id"]
    await company.decide(await company.begin_charge(owed), Declined(reason="card_declined"))
    assert await renew(company, subscription)
    now = await seen(company, subscription)
    assert now["status"] == "past_due"
    await company.decide(await company.begin_charge(now["invoice_id"]), Succeeded(provider_id="ch_3"))
    assert (await seen(company, subscription))["status"] == "past_due", "the invoice before is still open"
    await company.decide(await company.begin_charge(owed), Succeeded(provider_id="ch_2"))
    assert (await seen(company, subscription))["status"] == "active"


async def test_a_subscription_that_was_never_paid_is_not_renewed(company: Company) -> None:
    subscription = await subscribed(company)
    await company.decide(await company.begin_charge(subscription["invoice_id"]), Declined(reason="card_declined"))
    assert await renew(company, subscription)
    assert (await seen(company, subscription))["status"] == "canceled"
    assert len(await invoices_of(company, subscription)) == 1
    assert not await renew(company, subscription)


async def test_an_uncollectible_invoice_ends_the_subscription(company: Company) -> None:
    subscription = await subscribed(company)
    await written_off(company, invoice_id=subscription["invoice_id"])
    now = await seen(company, subscription)
    assert now["status"] == "canceled" and now["ends_at"] < subscription["period_end"]
    assert await history(company, subscription) == [
        "subscription.created",
        "subscription.past_due",
        "subscription.canceled",
    ]


async def test_an_erasure_ends_the_persons_subscriptions(company: Company) -> None:
    subscription, canceled = await subscribed(company), await subscribed(company, "team")
    await company.post(f"/subscriptions/{canceled['id']}/cancel", {"at": "now"})
    await erase(company)
    assert (await seen(company, subscription))["status"] == "canceled"
    assert await history(company, canceled) == ["subscription.created", "subscription.canceled"]
    assert {item["status"] for item in await invoices_of(company, subscription)} == {"void"}
    assert not await renew(company, subscription)
    body = {"customer_id": str(company.customer_id), "plan": "starter"}
    assert (await company.post("/subscriptions", body)).status_code == 409


async def test_a_subscription_created_during_an_erasure_ends_when_it_is_due(company: Company) -> None:
    subscription = await subscribed(company)
    [row] = await company.rows("select customer_id from subscriptions")
    await company.rows("update subscriptions set customer_id = gen_random_uuid() returning 1")
    await erase(company)  # the user was not known yet
    await company.rows("update subscriptions set customer_id = :customer returning 1", customer=row["customer_id"])
    assert (await seen(company, subscription))["status"] == "active"
    assert await renew(company, subscription)
    assert await history(company, subscription) == ["subscription.created", "subscription.canceled"]
    assert len(await invoices_of(company, subscription)) == 1


async def test_a_job_of_another_tenant_renews_nothing(billing: BillingService, company: Company) -> None:
    subscription, stranger = await subscribed(company), await billing.company()
    at = datetime.fromisoformat(subscription["period_end"])
    with pytest.raises(NotFound):
        await stranger.handle(RenewSubscription(subscription_id=UUID(subscription["id"]), at=at))
    with bound_tenants([stranger.tenant_id]):
        async with billing.bus.units.begin() as uow:
            assert await subscriptions.due_subscriptions(at, 10, uow) == []
    assert (await seen(company, subscription))["version"] == 1


async def test_due_subscriptions_are_found_through_the_index(billing: BillingService, company: Company) -> None:
    await company.rows(_MANY_SUBSCRIPTIONS, tenant=company.tenant_id)
    async with connected(billing.where.owner) as owner:
        await owner.execute("analyze subscriptions.subscriptions")
    at = billing.runtime.clock.now()
    conditions = " and ".join(
        str(item.compile(compile_kwargs={"literal_binds": True})) for item in subscriptions._is_due(at)
    )
    query = f"explain select distinct tenant_id from subscriptions where {conditions}"
    async with billing.runtime.database.transaction([company.tenant_id]) as rows:
        plan = "\n".join((await rows.execute(text(query))).scalars())
    assert "subscriptions_by_end" in plan and "Seq Scan" not in plan, plan
