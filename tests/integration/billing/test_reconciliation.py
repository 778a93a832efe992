"""The daily comparison of the ledger with the provider's list: each difference is one row."""

from datetime import timedelta

import pytest

from services.billing.domain.attempts import FORGOTTEN_AFTER
from services.billing.queries.reconciliation import WINDOW, tenants_with_charges
from tests.integration.billing.decisions import AMOUNT, decline, exceptions, succeeded
from tests.integration.billing.reconciliation import pay_at_the_provider, reconciled
from tests.integration.billing.service import BillingService, Company, Row
from tests.integration.infra.payments import charge, refund
from waypost.testing.database import connected


async def change(company: Company, statement: str) -> None:
    """Changes rows directly: no command does."""
    async with connected(company.billing.where.owner) as owner, owner.transaction():
        await owner.execute("select set_config('app.tenants', $1, true)", str(company.tenant_id))
        await owner.execute(statement)


async def test_equal_books_have_no_difference(billing: BillingService, company: Company) -> None:
    await pay_at_the_provider(billing, company)
    assert await reconciled(company) == 0
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
    returned = (await charge(billing.payments, "pm_card_visa", metadata=metadata)).json()["id"]
    await refund(billing.payments, charge=returned)
    missing_invoice = await company.finalized()
    await company.decide(await company.begin_charge(missing_invoice), succeeded("ch_missing"))
    billing.clock.move(FORGOTTEN_AFTER)
    found: dict[str, Row] = {}
    for new in (4, 0):
        assert await reconciled(company) == new
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
    assert await reconciled(company) == 0
    assert await exceptions(company) == []


@pytest.mark.parametrize("is_named", [True, False])
async def test_a_charge_that_may_still_be_reported_makes_no_difference(
    billing: BillingService, company: Company, is_named: bool
) -> None:
    """It is young, or its attempt is pending, however old."""
    attempt_id = await company.begin_charge(await company.finalized())
    metadata = {"tenant_id": str(company.tenant_id)} | ({"attempt_id": str(attempt_id)} if is_named else {})
    made = (await charge(billing.payments, "pm_card_visa", amount_minor=AMOUNT, metadata=metadata)).json()["id"]
    assert await reconciled(company) == 0
    assert await exceptions(company) == []
    billing.clock.move(FORGOTTEN_AFTER)
    await reconciled(company)
    assert [row["provider_id"] for row in await exceptions(company)] == ([] if is_named else [made])


async def test_a_charge_at_the_old_end_of_the_window_makes_no_difference(
    billing: BillingService, company: Company
) -> None:
    """Its attempt is a moment older than the charge."""
    await pay_at_the_provider(billing, company)
    before = timedelta(hours=1)
    await change(company, "update payment_attempts set created_at = created_at - interval '2 hours'")
    billing.clock.move(WINDOW - before)
    assert await reconciled(company) == 0
    assert await exceptions(company) == []


async def test_late_money_of_a_charge_before_the_window_makes_no_difference(
    billing: BillingService, company: Company
) -> None:
    invoice_id = await company.finalized()
    attempt_id = await decline(company, invoice_id)
    assert (await company.post(f"/invoices/{invoice_id}/void")).status_code == 200
    billing.clock.move(WINDOW + timedelta(days=5))
    await company.decide(attempt_id, succeeded("ch_old"))
    await change(company, "update stray_payments set status = 'refunded'")
    assert await reconciled(company) == 0
    assert await exceptions(company) == []


async def test_tenants_without_a_charge_in_the_window_are_not_reconciled(
    billing: BillingService, company: Company
) -> None:
    await pay_at_the_provider(billing, company)
    for age, found in (("35 days", [company.tenant_id]), ("37 days", [])):
        await change(company, f"update payment_attempts set created_at = now() - interval '{age}'")
        async with billing.unit_of_work(company.tenant_id) as uow:
            assert await tenants_with_charges(uow.rows) == found
