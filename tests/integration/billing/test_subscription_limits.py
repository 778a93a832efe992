"""One subscription per plan and one currency per customer, also with concurrent requests."""

import asyncio
import json
from dataclasses import asdict, replace

import httpx
import pytest

from services.billing.commands import CreateSubscription
from services.billing.domain import Interval, Plan
from services.billing.settings import PLANS
from tests.integration.billing.renewals import erase
from tests.integration.billing.service import BillingService, Company
from tests.integration.billing.subscriptions import seen, subscribed
from waypost.kernel.ids import new_id
from waypost.kernel.tenant import bound_tenants
from waypost.testing.eventually import eventually

YEN = Plan(code="starter-jp", interval=Interval.MONTH, amount_minor=2_900, currency="JPY")
BOTH_KINDS = [plan.code for plan in PLANS] + [YEN.code, "team-jp"]


@pytest.fixture(autouse=True)
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans in two currencies."""
    plans = [*PLANS, YEN, replace(YEN, code="team-jp")]
    monkeypatch.setenv("WAYPOST_PLANS", json.dumps([asdict(plan) for plan in plans]))


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def subscribe(company: Company, plan: str) -> httpx.Response:
    return await company.post("/subscriptions", {"customer_id": str(company.customer_id), "plan": plan})


async def test_concurrent_equal_requests_subscribe_once(company: Company) -> None:
    answers = await asyncio.gather(*(subscribe(company, "starter") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert {problem(answer)[1] for answer in answers if answer.is_error} == {"already-subscribed"}
    assert len(await company.rows("select 1 from subscriptions")) == 1
    assert len(await company.rows("select 1 from jobs where name = 'charge_invoice'")) == 1


async def test_concurrent_requests_choose_one_currency(company: Company) -> None:
    answers = await asyncio.gather(*(subscribe(company, plan) for plan in BOTH_KINDS))
    currencies = {answer.json()["plan"]["currency"] for answer in answers if answer.is_success}
    assert len(currencies) == 1
    refused = {problem(answer) for answer in answers if answer.is_error}
    assert refused == {(409, "currency-differs")}
    rows = await company.rows("select distinct currency from subscriptions")
    assert {row["currency"] for row in rows} == currencies


async def test_concurrent_changes_lead_to_one_plan_each(company: Company) -> None:
    made = [await subscribed(company, plan) for plan in ("starter", "team")]
    answers = await asyncio.gather(
        *(company.post(f"/subscriptions/{one['id']}/change", {"plan": "team-yearly"}) for one in made)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert {problem(answer)[1] for answer in answers if answer.is_error} == {"already-subscribed"}


async def test_a_plan_is_taken_by_a_change_and_free_after_an_end(company: Company) -> None:
    first = await subscribed(company, "starter")
    path = f"/subscriptions/{first['id']}"
    assert (await company.post(f"{path}/change", {"plan": "team"})).status_code == 200
    for plan in ("starter", "team"):
        assert problem(await subscribe(company, plan)) == (409, "already-subscribed"), plan
    assert problem(await company.post(f"{path}/change", {"plan": "team"})) == (409, "plan-unchanged")
    await company.post(f"{path}/cancel")
    assert problem(await subscribe(company, "starter")) == (409, "already-subscribed"), "it runs until its period ends"
    await company.post(f"{path}/cancel", {"at": "now"})
    assert (await subscribe(company, "starter")).status_code == 201


async def test_a_change_keeps_the_currency(company: Company) -> None:
    subscription = await subscribed(company)
    path = f"/subscriptions/{subscription['id']}"
    refused = await company.post(f"{path}/change", {"plan": YEN.code})
    assert problem(refused) == (409, "currency-differs") and "currency" in refused.json()["detail"]
    assert await seen(company, subscription) == subscription
    assert problem(await subscribe(company, YEN.code)) == (409, "currency-differs")
    await company.post(f"{path}/cancel", {"at": "now"})
    assert (await subscribe(company, YEN.code)).status_code == 201


async def test_changing_back_leaves_no_next_plan(company: Company) -> None:
    subscription = await subscribed(company)
    path = f"/subscriptions/{subscription['id']}"
    await company.post(f"{path}/change", {"plan": "team-yearly"})
    back = (await company.post(f"{path}/change", {"plan": "starter"})).json()
    assert back["next_plan"] is None
    assert await seen(company, subscription) == back
    assert (await subscribe(company, "team-yearly")).status_code == 201, "the plan is free again"


async def test_customers_of_a_tenant_have_their_own_limits(company: Company) -> None:
    await subscribed(company)
    colleague = Company(company.billing, company.tenant_id)
    colleague.customer_id = await colleague.join()
    await colleague.attach_card()
    assert (await subscribe(colleague, "starter")).status_code == 201
    assert problem(await subscribe(colleague, YEN.code)) == (409, "currency-differs")


async def test_a_subscription_waits_for_an_erasure_and_is_refused(billing: BillingService, company: Company) -> None:
    """The erasure ends the subscriptions that exist: one that is created meanwhile must not be
    left.
    """
    at, plan = billing.runtime.clock.now(), PLANS[0]
    command = CreateSubscription(subscription_id=new_id(), customer_id=company.customer_id, plan=plan, at=at)
    waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    with bound_tenants([company.tenant_id]):
        async with billing.bus.units.begin() as uow:
            await billing.bus.execute(command, uow)
            erasing = asyncio.create_task(erase(company))
            await eventually(lambda: company.rows(waiting), deadline_seconds=5)
    await erasing
    rows = await company.rows("select status from subscriptions")
    assert [row["status"] for row in rows] == ["canceled"]
    assert problem(await subscribe(company, "starter")) == (409, "customer-is-erased")
