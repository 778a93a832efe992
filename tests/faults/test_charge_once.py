"""One charge per invoice, wherever a job process is killed or frozen and for any concurrent
requests (fault matrix 16).
"""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.faults.charges_checks import assert_charged_once, assert_nothing_may_move
from tests.faults.charges_rig import MEDIUM, ChargesRig
from tests.integration.billing.service import Company
from waypost.testing.eventually import eventually

HOUR = timedelta(hours=1)


async def test_killed_before_the_provider_was_asked(charging: ChargesRig) -> None:
    company = await charging.company()
    invoice_id = await company.finalized()
    await charging.killed("billing.before_provider_request")
    assert await charging.charges() == []
    await assert_nothing_may_move(company, invoice_id)
    async with charging.working():
        await company.becomes(invoice_id, status="paid")
    await assert_charged_once(charging, company, invoice_id)


async def test_killed_between_the_charge_and_its_settling(charging: ChargesRig) -> None:
    company = await charging.company()
    invoice_id = await company.finalized()
    await charging.killed("billing.after_provider_response")
    assert len(await charging.charges()) == 1
    await company.becomes(invoice_id, status="open")
    await assert_nothing_may_move(company, invoice_id)
    async with charging.working():
        await company.becomes(invoice_id, status="paid")
    await assert_charged_once(charging, company, invoice_id)


async def test_killed_between_the_two_and_the_provider_has_forgotten_the_key(charging: ChargesRig) -> None:
    """The key alone is not sufficient: a charge that may have been requested is looked up before a
    new request.
    """
    company = await charging.company()
    invoice_id = await company.finalized()
    await charging.killed("billing.after_provider_response")
    charging.let_the_provider_forget()
    async with charging.working():
        await company.becomes(invoice_id, status="paid")
    await assert_charged_once(charging, company, invoice_id)


async def test_killed_after_the_charge_was_settled(charging: ChargesRig) -> None:
    company = await charging.company()
    invoice_id = await company.finalized()
    await charging.killed("jobs.before_outcome")
    await company.becomes(invoice_id, status="paid")
    charging.let_the_provider_forget()
    async with charging.working():
        await charging.queue.becomes("complete", company, name="charge_invoice")
    await assert_charged_once(charging, company, invoice_id)


@pytest.mark.parametrize("card", ["pm_card_timeout_after_charge", "pm_card_slow", "pm_card_unavailable_once"])
async def test_late_or_missing_answer_charges_once(charging: ChargesRig, card: str) -> None:
    company = await charging.company(card)
    invoice_id = await company.finalized()
    async with charging.working():
        await company.becomes(invoice_id, status="paid")
        job = await charging.queue.becomes("complete", company, name="charge_invoice")
    assert job["outages"] > 0, "the first answer was lost"
    await assert_charged_once(charging, company, invoice_id)


async def test_frozen_process_resumes_after_another_has_charged(charging: ChargesRig) -> None:
    company = await charging.company()
    invoice_id = await company.finalized()
    frozen = await charging.frozen("billing.before_provider_request", lease_seconds=MEDIUM)
    async with charging.working():
        await charging.queue.becomes("complete", company, name="charge_invoice")
    frozen.resume()
    await charging.queue.enqueue(company.tenant_id, "resolve_attempts")
    await charging.queue.until_swept()  # by the resumed process
    await assert_charged_once(charging, company, invoice_id)


async def test_process_frozen_for_a_day_does_not_charge_after_resuming(charging: ChargesRig) -> None:
    company = await charging.company()
    invoice_id = await company.finalized()
    frozen = await charging.frozen("billing.before_provider_request")
    charging.put_forward(25 * HOUR)
    frozen.resume()
    await charging.queue.becomes("complete", company, name="charge_invoice")
    assert await charging.charges() == []
    await company.becomes(invoice_id, status="open", last_failure="abandoned")


async def test_workers_race_for_one_invoice(charging: ChargesRig) -> None:
    company = await charging.company("pm_card_slow")
    invoice_id = await company.finalized()
    for name in ("charge_invoice", "retry_payment", "retry_payment"):
        await charging.queue.enqueue(company.tenant_id, name, invoice_id=UUID(invoice_id))
    async with charging.working(), charging.working():
        await company.becomes(invoice_id, status="paid")
        await charging.queue.hurry()
        await eventually(lambda: _idle(company), deadline_seconds=20)
    assert len(await charging.charges()) == 1
    await assert_charged_once(charging, company, invoice_id)


async def test_webhook_before_the_job_settles(charging: ChargesRig) -> None:
    company = await charging.company()
    invoice_id = await company.finalized()
    frozen = await charging.frozen("billing.after_provider_response")
    async with charging.hearing_webhooks():
        await company.becomes(invoice_id, status="paid")
    frozen.resume()
    await charging.queue.becomes("complete", company, name="charge_invoice")
    await assert_charged_once(charging, company, invoice_id)


async def test_webhook_after_the_job_settled(charging: ChargesRig) -> None:
    company = await charging.company()
    invoice_id = await company.finalized()
    async with charging.working():
        await charging.queue.becomes("complete", company, name="charge_invoice")
    async with charging.hearing_webhooks():
        pass
    await assert_charged_once(charging, company, invoice_id)


async def test_other_changes_are_refused_during_a_provider_request(charging: ChargesRig) -> None:
    company = await charging.company()
    invoice_id = await company.finalized()
    asking = await charging.frozen("billing.before_provider_request")
    await assert_nothing_may_move(company, invoice_id)
    asking.resume()
    await company.becomes(invoice_id, status="paid")
    await asking.kill()

    await company.post(f"/invoices/{invoice_id}/refund", {"amount_minor": 1_000})
    giving_back = await charging.frozen("billing.before_provider_request")
    again = await company.post(f"/invoices/{invoice_id}/refund", {"amount_minor": 1_000})
    assert (again.status_code, again.json()["type"]) == (409, "urn:waypost:problem:payment-pending")
    giving_back.resume()
    await company.becomes(invoice_id, amount_refunded_minor=1_000)
    [charge] = await charging.charges()
    assert charge["amount_refunded_minor"] == 1_000


@pytest.mark.parametrize("failpoint", ["billing.before_provider_request", "billing.after_provider_response"])
async def test_killed_in_a_refund(charging: ChargesRig, failpoint: str) -> None:
    company = await charging.company()
    invoice_id = await company.finalized()
    async with charging.working():
        await company.becomes(invoice_id, status="paid")
    await company.post(f"/invoices/{invoice_id}/refund", {"amount_minor": 1_000})
    await charging.killed(failpoint)
    charging.let_the_provider_forget()
    async with charging.working():
        await company.becomes(invoice_id, amount_refunded_minor=1_000)
    [charge] = await charging.charges()
    assert [refund["amount_minor"] for refund in charge["refunds"]] == [1_000]
    assert (await company.event_types(invoice_id)).count("invoice.refunded") == 1


async def test_an_invoice_that_was_rolled_back_is_not_charged(charging: ChargesRig) -> None:
    company = await charging.company()
    rolled_back, invoice_id = await company.draft(100), await company.draft(200)
    async with charging.billing.refusing_inserts("outbox"):
        assert (await company.post(f"/invoices/{rolled_back}/finalize")).status_code >= 500
    assert (await company.post(f"/invoices/{invoice_id}/finalize")).status_code == 200
    async with charging.working():
        await company.becomes(invoice_id, status="paid")
        await eventually(lambda: _idle(company))
    await company.becomes(rolled_back, status="draft", number=None)
    assert len(await company.rows("select 1 from job_results")) == 1
    await assert_charged_once(charging, company, invoice_id, minor=200)


async def test_a_job_under_the_wrong_tenant_charges_nothing(charging: ChargesRig) -> None:
    company, stranger = await charging.company(), await charging.company()
    invoice_id = await company.finalized()
    await charging.queue.forget()
    job = await charging.queue.enqueue(stranger.tenant_id, "charge_invoice", invoice_id=UUID(invoice_id))
    async with charging.working():
        await charging.queue.becomes("dead", stranger, job_id=job)
    assert await charging.charges() == []
    assert await company.rows("select 1 from payment_attempts") == []
    await company.becomes(invoice_id, status="open")


async def _idle(company: Company) -> bool:
    return not await company.rows("select 1 from jobs")
