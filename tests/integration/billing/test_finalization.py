"""Invoice numbers have no gaps, and each finalization has one charge job, in the same
transaction.
"""

import asyncio
from uuid import UUID

import pytest

from services.billing.commands import FinalizeInvoice
from tests.integration.billing.service import BillingService, Company
from waypost.kernel.tenant import bound_tenants


class ChangeOfMind(Exception):
    """Rolls back a transaction after all its writes."""


async def finalize(company: Company, invoice_id: str, *, roll_back: bool) -> None:
    billing = company.billing
    command = FinalizeInvoice(invoice_id=UUID(invoice_id), at=billing.runtime.clock.now())
    with bound_tenants([company.tenant_id]):
        async with billing.bus.units.begin() as uow:
            await billing.bus.execute(command, uow)
            await uow.flush()
            if roll_back:
                raise ChangeOfMind


async def test_numbers_have_no_gaps_despite_rollbacks(billing: BillingService, company: Company) -> None:
    other = await billing.company()
    drafts = [await company.draft(100) for _ in range(24)]
    others = [await other.draft(100) for _ in range(6)]
    outcomes = await asyncio.gather(
        *(finalize(company, outcome, roll_back=index % 3 == 1) for index, outcome in enumerate(drafts)),
        *(finalize(other, outcome, roll_back=index == 0) for index, outcome in enumerate(others)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [ChangeOfMind] * 9
    assert await numbers(company) == list(range(1, 17))
    assert await numbers(other) == list(range(1, 6))


async def test_concurrent_finalizations_assign_one_number(company: Company) -> None:
    invoice_id = await company.draft(100)
    path = f"/invoices/{invoice_id}/finalize"
    answers = await asyncio.gather(*(company.post(path, {}) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert await company.rows("select last_number from invoice_numbers") == [{"last_number": 1}]


async def test_finalization_enqueues_one_charge_in_the_same_transaction(company: Company) -> None:
    invoice_id = await company.draft(100)
    before = await company.row_counts()
    async with company.billing.refusing_inserts("outbox"):
        failed = await company.post(f"/invoices/{invoice_id}/finalize", {})
    assert (failed.status_code, await company.row_counts()) == (500, before)

    assert (await company.post(f"/invoices/{invoice_id}/finalize", {})).status_code == 200
    after = await company.row_counts()
    assert {table: after[table] - before[table] for table in after if after[table] != before[table]} == {
        "events": 1,
        "outbox": 1,
        "invoice_numbers": 1,
        "postings": 2,
        "jobs": 1,
        "job_results": 1,
    }
    [job] = await company.rows("select name, arguments, idempotency_key from jobs")
    assert (job["name"], job["idempotency_key"]) == ("charge_invoice", f"inv-{invoice_id}")
    assert invoice_id in str(job["arguments"])


@pytest.mark.parametrize("act", ["pay", "refund"])
async def test_payments_and_refunds_enqueue_their_job_in_the_same_transaction(company: Company, act: str) -> None:
    invoice_id = await (company.finalized() if act == "pay" else company.paid())
    before = await company.row_counts()
    async with company.billing.refusing_inserts("jobs"):
        failed = await company.post(f"/invoices/{invoice_id}/{act}", {})
    assert (failed.status_code, await company.row_counts()) == (500, before)

    assert (await company.post(f"/invoices/{invoice_id}/{act}", {})).status_code == 202
    after = await company.row_counts()
    assert {table for table in after if after[table] > before[table]} == {"payment_attempts", "jobs", "job_results"}
    assert (await company.post(f"/invoices/{invoice_id}/{act}", {})).status_code == 409


async def numbers(company: Company) -> list[int]:
    rows = await company.rows("select number from invoices where number is not null order by number")
    return [row["number"] for row in rows]
