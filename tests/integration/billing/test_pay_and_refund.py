"""Charges and refunds: requested by a job, decided by the provider, shown by the invoice."""

import asyncio
from datetime import timedelta
from uuid import UUID

from services.billing.commands import VoidInvoice
from services.billing.ports import Declined, Succeeded
from tests.integration.billing.service import NO_TIME, BillingService, Company
from tests.integration.infra.payments import charges
from waypost.kernel.tenant import bound_tenants
from waypost.testing.eventually import eventually

DAY = timedelta(days=1)


async def test_a_finalized_invoice_is_charged_and_paid(billing: BillingService, company: Company) -> None:
    async with billing.working():
        invoice_id = await company.finalized(24_690)
        paid = await company.becomes(invoice_id, status="paid")
        # The payment commits before the job's outcome; a worker that stops between the two releases
        # the job.
        await eventually(lambda: company.rows("select job_id from job_results where status = 'complete'"))
    assert (paid["amount_paid_minor"], paid["number"]) == (24_690, 1)
    [charge] = await charges(billing.payments, f"inv-{invoice_id}")
    assert (charge["amount_minor"], charge["currency"], charge["status"]) == (24_690, "EUR", "succeeded")
    assert (await company.event_types(invoice_id))[-1] == "invoice.paid"
    [job] = await company.rows("select job_id from job_results")
    shown = await company.get(f"/jobs/{job['job_id']}")
    assert (shown["name"], shown["attempts"], shown["error"]) == ("charge_invoice", 1, None)


async def test_a_declined_card_is_shown_and_another_can_be_charged(billing: BillingService) -> None:
    company = await billing.company()
    await company.attach_card("pm_card_declined")
    async with billing.working():
        invoice_id = await company.finalized()
        path = f"/invoices/{invoice_id}"
        declined = await company.becomes(invoice_id, status="open", last_failure="card_declined")
        assert declined["next_attempt_at"] is not None

        await company.attach_card("pm_card_visa")
        asked = await company.post(f"{path}/pay")
        assert (asked.status_code, asked.headers["location"]) == (202, path)
        await company.becomes(invoice_id, status="paid")
    assert [len(await charges(billing.payments, f"inv-{invoice_id}{tail}")) for tail in ("", "-2", "-3")] == [1, 1, 0]
    kinds = await company.event_types(invoice_id)
    assert kinds[3:] == ["invoice.payment_failed", "invoice.paid"]


async def test_an_invoice_can_be_refunded_in_parts(billing: BillingService, company: Company) -> None:
    async with billing.working():
        invoice_id = await company.finalized(24_690)
        await company.becomes(invoice_id, status="paid")
        path = f"/invoices/{invoice_id}"
        for body, expected in (({"amount_minor": 690, "reason": "duplicate"}, 690), ({}, 24_690)):
            assert (await company.post(f"{path}/refund", body)).status_code == 202
            await company.becomes(invoice_id, amount_refunded_minor=expected)
        assert (await company.post(f"{path}/refund", {})).status_code == 422
    [charge] = await charges(billing.payments, f"inv-{invoice_id}")
    assert sum(refund["amount_minor"] for refund in charge["refunds"]) == 24_690


async def test_a_pending_attempt_blocks_other_payments(company: Company) -> None:
    path = f"/invoices/{await company.finalized()}"
    attempt_id = await company.begin_charge(path.rpartition("/")[2])
    for act in ("pay", "void"):
        answer = await company.post(f"{path}/{act}")
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:waypost:problem:payment-pending")
    await company.decide(attempt_id, Declined(reason="card_declined"))
    assert (await company.post(f"{path}/void")).status_code == 200


async def test_a_charge_waits_for_a_void_that_is_not_yet_committed(billing: BillingService, company: Company) -> None:
    invoice_id = await company.finalized()
    void = VoidInvoice(invoice_id=UUID(invoice_id), at=billing.runtime.clock.now())
    waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    with bound_tenants([company.tenant_id]):
        async with billing.bus.units.begin() as uow:
            await billing.bus.execute(void, uow)
            charging = asyncio.create_task(company.handle(company.charge_of(invoice_id)))
            await eventually(lambda: company.rows(waiting), deadline_seconds=3)
    assert await charging is None
    assert await company.rows("select * from payment_attempts") == []


async def test_a_pending_refund_blocks_the_next(company: Company) -> None:
    path = f"/invoices/{await company.paid(100)}"
    assert (await company.post(f"{path}/refund", {"amount_minor": 60})).status_code == 202
    assert (await company.post(f"{path}/refund", {"amount_minor": 40})).status_code == 409


async def test_a_payment_needs_a_card(billing: BillingService) -> None:
    company = await billing.company()
    path = f"/invoices/{await company.finalized()}"
    answer = await company.post(f"{path}/pay")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:waypost:problem:no-payment-method")


async def test_a_failing_charge_is_retried_and_then_written_off(company: Company) -> None:
    invoice_id = await company.finalized()
    steps = (1 * DAY, 3 * DAY, 5 * DAY, 7 * DAY)
    for after in (NO_TIME, *steps):
        attempt_id = await company.begin_charge(invoice_id, after)
        await company.decide(attempt_id, Declined(reason="insufficient_funds"), after)
    invoice = await company.get(f"/invoices/{invoice_id}")
    assert (invoice["status"], invoice["next_attempt_at"]) == ("uncollectible", None)
    kinds = await company.event_types(invoice_id)
    assert kinds[3:] == ["invoice.payment_failed"] * 5 + ["invoice.marked_uncollectible"]
    retries = await company.rows("select run_at from jobs where name = 'retry_payment' order by run_at")
    [first, *_] = await company.rows("select settled_at as declined_at from payment_attempts order by attempt")
    assert [row["run_at"] - first["declined_at"] for row in retries] == list(steps)


async def test_a_repeated_decision_is_recorded_once(company: Company) -> None:
    invoice_id = await company.finalized()
    attempt_id = await company.begin_charge(invoice_id)
    for _ in range(2):
        await company.decide(attempt_id, Succeeded(provider_id="ch_1"))
    await company.decide(attempt_id, Declined(reason="card_declined"))
    assert (await company.event_types(invoice_id))[3:] == ["invoice.paid"]
