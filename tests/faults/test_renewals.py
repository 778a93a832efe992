"""One invoice per subscription and period, charged once, wherever a job process is killed and for
any concurrent renewals.
"""

from datetime import timedelta

import pytest

from tests.faults.charges_rig import MEDIUM, ChargesRig
from tests.integration.billing.service import Company, Row
from tests.integration.billing.subscriptions import becomes, history, invoices_of, seen, subscribed
from waypost.testing.clock import MovableClock
from waypost.testing.eventually import eventually

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
A_MONTH_ON, FOUR_ON = 32 * DAY, 125 * DAY
RENEW = "renew_subscriptions"


async def paid_subscription(charging: ChargesRig) -> tuple[Company, Row]:
    company = await charging.company()
    subscription = await subscribed(company)
    async with charging.working():
        await company.becomes(subscription["invoice_id"], status="paid")
        await idle(company)
    return company, subscription


async def idle(company: Company) -> None:
    async def nothing_left() -> bool:
        return not await company.rows("select 1 from jobs")

    await eventually(nothing_left, deadline_seconds=20)


async def assert_billed_once_each(charging: ChargesRig, company: Company, subscription: Row, periods: int) -> None:
    """Checks the invoices, their numbers, the history and the provider."""
    invoices = await invoices_of(company, subscription)
    assert [invoice["number"] for invoice in invoices] == list(range(1, periods + 1))
    assert [this_invoice["status"] for this_invoice in invoices] == ["paid"] * periods
    assert await history(company, subscription) == ["subscription.created"] + ["subscription.renewed"] * (periods - 1)
    charges = [charge["idempotency_key"] for charge in await charging.charges()]
    assert sorted(charges) == sorted(f"inv-{each_invoice['id']}" for each_invoice in invoices)
    assert (await seen(company, subscription))["invoice_id"] == invoices[-1]["id"]


@pytest.mark.parametrize(
    "failpoint", ["billing.in_a_renewal", "billing.after_a_renewal", "billing.before_provider_request"]
)
async def test_killed_between_the_period_and_its_charge(charging: ChargesRig, failpoint: str) -> None:
    company, subscription = await paid_subscription(charging)
    charging.put_forward(A_MONTH_ON)
    await charging.queue.enqueue(company.tenant_id, RENEW)
    await charging.killed(failpoint)
    billed = len(await invoices_of(company, subscription))
    assert billed == (1 if failpoint == "billing.in_a_renewal" else 2)
    assert len(await charging.charges()) == 1
    async with charging.working(ahead=A_MONTH_ON):
        await becomes(company, subscription, period_start=subscription["period_end"])
        await idle(company)
    await assert_billed_once_each(charging, company, subscription, 2)


async def test_workers_renew_at_once_and_again(charging: ChargesRig) -> None:
    company, subscription = await paid_subscription(charging)
    async with charging.working(ahead=A_MONTH_ON), charging.working(ahead=A_MONTH_ON):
        for _ in range(6):
            await charging.queue.enqueue(company.tenant_id, RENEW)
        await becomes(company, subscription, period_start=subscription["period_end"])
        await idle(company)
        await charging.queue.enqueue(company.tenant_id, RENEW)
        await idle(company)
    await assert_billed_once_each(charging, company, subscription, 2)


async def test_frozen_process_resumes_after_another_has_renewed(charging: ChargesRig) -> None:
    """Frozen within the transaction it holds the row; the server ends it, and its decision is
    rejected.
    """
    company, subscription = await paid_subscription(charging)
    charging.put_forward(A_MONTH_ON)
    await charging.queue.enqueue(company.tenant_id, RENEW)
    frozen = await charging.frozen("billing.in_a_renewal", lease_seconds=MEDIUM)

    async def renewed() -> bool:
        await charging.queue.hurry()
        now = await seen(company, subscription)
        return bool(now["period_start"] == subscription["period_end"])

    async with charging.working(ahead=A_MONTH_ON):
        await eventually(renewed, deadline_seconds=20)
        frozen.resume()
        await idle(company)
    await charging.queue.enqueue(company.tenant_id, RENEW)
    await idle(company)  # by the resumed process
    await assert_billed_once_each(charging, company, subscription, 2)


async def test_periods_missed_for_months_are_billed_once_each(charging: ChargesRig) -> None:
    company, subscription = await paid_subscription(charging)
    async with charging.working(ahead=FOUR_ON), charging.working(ahead=FOUR_ON):
        for _ in range(2):
            await charging.queue.enqueue(company.tenant_id, RENEW)
        await idle(company)
    invoices = await invoices_of(company, subscription)
    assert len(invoices) in (5, 6), "125 days are four months, or five"
    await assert_billed_once_each(charging, company, subscription, len(invoices))


async def test_tick_reaches_open_tenants_with_a_due_period_and_a_missed_tick_is_caught_up(
    charging: ChargesRig,
) -> None:
    due, closed, young = [await paid_subscription(charging) for _ in range(3)]
    for (company, _), status in ((due, "open"), (closed, "closed"), (young, "open")):
        await charging.know(company, status)
    clock = MovableClock()
    scheduler = charging.billing.scheduler(clock=clock)
    await scheduler.tick()
    for company, _ in (due, closed):
        await company.rows("update subscriptions set period_end = now() - interval '1 minute' returning 1")
    clock.move(5 * MINUTE)
    for _ in range(2):
        await scheduler.tick()
    assert await charging.queue.tenants_with(RENEW) == [due[0].tenant_id]
