"""The daily comparison of the ledger with the provider's list: each difference is one row."""

from tests.integration.billing.decisions import AMOUNT, decline, exceptions, succeeded
from tests.integration.billing.service import BillingService, Company, Row
from tests.integration.infra.payments import charge, refund
from waypost.testing.eventually import eventually


async def reconciled(billing: BillingService, company: Company, times: int) -> None:
    async def is_complete() -> bool:
        rows = await company.rows(
            "select status from job_results where name = 'reconcile_payments' and status = 'complete'"
        )
        return len(rows) == times

    async with billing.unit_of_work(company.tenant_id) as uow:
        await uow.jobs.enqueue("reconcile_payments")
    async with billing.working():
        await eventually(is_complete, deadline_seconds=20)


async def pay_at_the_provider(billing: BillingService, company: Company, amount: int = AMOUNT) -> str:
    """A paid invoice. Returns its charge at the provider."""
    invoice_id = await company.finalized(AMOUNT)
    metadata = {"tenant_id": str(company.tenant_id)}
    made = (await charge(billing.payments, "pm_card_visa", amount_minor=amount, metadata=metadata)).json()
    await company.decide(await company.begin_charge(invoice_id), succeeded(made["id"]))
    charge_id: str = made["id"]
    return charge_id


async def test_equal_books_have_no_difference(billing: BillingService, company: Company) -> None:
    await pay_at_the_provider(billing, company)
    await reconciled(billing, company, 1)
    assert await exceptions(company) == []


async def test_each_difference_is_one_row(billing: BillingService, company: Company) -> None:
    right, refunded_there, other_amount = [
        await pay_at_the_provider(billing, company),
        await pay_at_the_provider(billing, company),
        await pay_at_the_provider(billing, company, AMOUNT + 1),
    ]
    await refund(billing.payments, charge=refunded_there, amount_minor=690)
    metadata = {"tenant_id": str(company.tenant_id)}
    unknown = (await charge(billing.payments, "pm_card_visa", metadata=metadata)).json()["id"]
    missing_invoice = await company.finalized()
    await company.decide(await company.begin_charge(missing_invoice), succeeded("ch_missing"))
    found: dict[str, Row] = {}
    for times in (1, 2):
        await reconciled(billing, company, times)
        found = {row["provider_id"]: row for row in await exceptions(company)}
        assert found.keys() == {refunded_there, other_amount, unknown, "ch_missing"}
        assert {row["kind"] for row in found.values()} == {"difference"}
        assert right not in found
    assert found["ch_missing"]["reported"] == "no such charge"
    assert found[unknown]["expected"] == "no such charge"
    assert found[refunded_there]["reported"] == "246.90 EUR, 690 minor units refunded"


async def test_late_money_and_pending_refunds_are_no_difference(billing: BillingService, company: Company) -> None:
    metadata = {"tenant_id": str(company.tenant_id)}
    invoice_id = await company.finalized()
    attempt_id = await decline(company, invoice_id)
    assert (await company.post(f"/invoices/{invoice_id}/void")).status_code == 200
    made = (await charge(billing.payments, "pm_card_visa", amount_minor=AMOUNT, metadata=metadata)).json()
    await company.decide(attempt_id, succeeded(made["id"]))
    await reconciled(billing, company, 1)
    assert await exceptions(company) == []
