"""Attempts without an outcome: looked up, retried under the same key, or abandoned. Then the next
key.
"""

from datetime import timedelta

from schemas.users import UserErased
from services.billing.jobs.payment_execution import MAX_EXECUTIONS
from tests.faults.charges_checks import assert_charged_once, assert_nothing_may_move
from tests.faults.charges_rig import ChargesRig
from tests.integration.billing.service import Company
from waypost.testing.clock import MovableClock
from waypost.testing.eventually import eventually

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def test_an_attempt_whose_job_is_gone_is_settled_from_what_the_provider_knows(charging: ChargesRig) -> None:
    company, invoice_id = await _left_behind(charging, "billing.after_provider_response")
    charging.let_the_provider_forget()
    assert await _sweep(charging, company, after=3 * MINUTE) == 1
    await assert_charged_once(charging, company, invoice_id)


async def test_an_attempt_that_is_younger_than_two_minutes_is_its_own_jobs(charging: ChargesRig) -> None:
    company, invoice_id = await _left_behind(charging, "billing.before_provider_request")
    assert await _sweep(charging, company, after=MINUTE) == 0
    assert await charging.charges() == []
    await assert_nothing_may_move(company, invoice_id)


async def test_an_attempt_that_the_provider_may_still_remember_is_asked_for_under_the_same_key(
    charging: ChargesRig,
) -> None:
    company, invoice_id = await _left_behind(charging, "billing.before_provider_request")
    assert await _sweep(charging, company, after=19 * HOUR) == 1
    await assert_charged_once(charging, company, invoice_id)


async def test_an_attempt_that_the_provider_may_have_forgotten_is_abandoned_for_the_next(charging: ChargesRig) -> None:
    company, invoice_id = await _left_behind(charging, "billing.before_provider_request")
    assert await _sweep(charging, company, after=21 * HOUR) == 1
    assert await charging.charges() == []
    invoice = await company.becomes(invoice_id, status="open", last_failure="abandoned")
    assert invoice["next_attempt_at"] is not None
    async with charging.working(ahead=(21 + 25) * HOUR):
        await company.becomes(invoice_id, status="paid")
    await assert_charged_once(charging, company, invoice_id, under=f"inv-{invoice_id}-2")


async def test_an_old_attempt_that_the_provider_knows_is_settled_and_not_abandoned(charging: ChargesRig) -> None:
    company, invoice_id = await _left_behind(charging, "billing.after_provider_response")
    charging.let_the_provider_forget()
    assert await _sweep(charging, company, after=300 * HOUR) == 1
    await assert_charged_once(charging, company, invoice_id)


async def test_a_decline_and_the_retry_of_the_dunning(charging: ChargesRig) -> None:
    company = await charging.company("pm_card_declined")
    invoice_id = await company.finalized()
    async with charging.working():
        await company.becomes(invoice_id, last_failure="card_declined")
    await company.attach_card("pm_card_visa")
    async with charging.working(ahead=25 * HOUR):
        await company.becomes(invoice_id, status="paid")
    await assert_charged_once(charging, company, invoice_id, under=f"inv-{invoice_id}-2")
    assert [charge["status"] for charge in await charging.charges()] == ["failed", "succeeded"]


async def test_a_charge_whose_card_was_taken_off_is_only_looked_up(charging: ChargesRig) -> None:
    company, invoice_id = await _left_behind(charging, "billing.before_provider_request")
    erased = UserErased(
        tenant_id=company.tenant_id, user_id=company.customer_id, erased_at=charging.billing.runtime.clock.now()
    )
    await company.react(erased, company.customer_id, 2)
    assert await _sweep(charging, company, after=HOUR) == 0
    assert await _sweep(charging, company, after=21 * HOUR) == 1
    assert await charging.charges() == []
    await company.becomes(invoice_id, status="void")


async def test_a_provider_that_is_away_for_long_fails_no_job_and_loses_no_charge(charging: ChargesRig) -> None:
    company = await charging.company("pm_card_unavailable_once")
    invoice_id = await company.finalized()
    async with charging.provider_away(), charging.working():
        for tries in range(1, MAX_EXECUTIONS):
            await eventually(lambda: charging.queue.has_failed(company, tries), deadline_seconds=20)  # noqa: B023 - awaited here
            await charging.queue.hurry()
        job = await charging.queue.becomes("complete", company, name="charge_invoice")
    assert (job["attempts"], job["outages"], job["result"]) == (1, MAX_EXECUTIONS - 1, "pending")
    await assert_nothing_may_move(company, invoice_id)
    assert await _sweep(charging, company, after=HOUR) == 0, "it answered 503"
    assert await _sweep(charging, company, after=HOUR) == 1
    await assert_charged_once(charging, company, invoice_id)


async def test_schedule_reaches_every_tenant_with_an_overdue_attempt_also_closed_ones(charging: ChargesRig) -> None:
    left = [await _left_behind(charging, "billing.after_provider_response") for _ in range(3)]
    for (company, _), status, age in zip(left, ("open", "closed", "open"), (5, 5, 0), strict=True):
        await charging.know(company, status)
        await charging.age(company, age * MINUTE)
    await charging.know(await charging.company())
    clock = MovableClock()
    scheduler = charging.billing.scheduler(clock=clock)
    await scheduler.tick()
    clock.move(MINUTE)
    await scheduler.tick()
    (open_one, closed_one, young_one) = (company for company, _ in left)
    swept = await charging.queue.tenants_with("resolve_attempts")
    assert sorted(swept) == sorted(each.tenant_id for each in (open_one, closed_one))
    async with charging.working(ahead=clock.offset):
        for company, invoice_id in left[:2]:
            await eventually(lambda: _is_paid(company, invoice_id))  # noqa: B023 - awaited in this round
        await charging.queue.until_swept()
    await assert_nothing_may_move(young_one, left[2][1])
    assert len(await charging.charges()) == 3
    await scheduler.tick()
    clock.move(MINUTE)
    await scheduler.tick()
    assert await charging.queue.tenants_with("resolve_attempts") == [], "nothing is overdue any more"


async def _is_paid(company: Company, invoice_id: str) -> bool:
    """Reads the row, because no user signs in to a closed tenant."""
    return bool(await company.rows(f"select 1 from invoices where invoice_id = '{invoice_id}' and status = 'paid'"))


async def _left_behind(charging: ChargesRig, failpoint: str) -> tuple[Company, str]:
    """An invoice tenants_with charge job ended there and will not run again."""
    company = await charging.company()
    invoice_id = await company.finalized()
    await charging.interrupted(failpoint)
    return company, invoice_id


async def _sweep(charging: ChargesRig, company: Company, *, after: timedelta) -> int:
    """Runs the sweep once at a later time; returns the number of settled attempts."""
    pending = "select id from payment_attempts where status = 'pending'"
    before = len(await company.rows(pending))
    await charging.queue.enqueue(company.tenant_id, "resolve_attempts")
    async with charging.working(ahead=after):
        await charging.queue.until_swept()
    assert await company.rows("select 1 from job_results where name = 'resolve_attempts'") == [], "it leaves no row"
    return before - len(await company.rows(pending))
