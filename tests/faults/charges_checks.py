"""Checks that an invoice was charged exactly once."""

from uuid import UUID

from tests.faults.charges_rig import ChargesRig
from tests.integration.billing.service import Company


async def assert_charged_once(
    rig: ChargesRig, company: Company, invoice_id: str, *, under: str | None = None, minor: int = 24_690
) -> None:
    """Checks the provider, the invoice, its history and the ledger."""
    [charge] = [this_charge for this_charge in await rig.charges() if this_charge["status"] == "succeeded"]
    assert (charge["idempotency_key"], charge["amount_minor"]) == (under or f"inv-{invoice_id}", minor)
    invoice = await company.becomes(invoice_id, status="paid")
    assert (invoice["amount_paid_minor"], invoice["amount_refunded_minor"]) == (minor, 0)
    assert (await company.event_types(invoice_id)).count("invoice.paid") == 1
    cash = await company.rows(
        "select amount_minor from postings where invoice_id = :id and account = 'cash'", id=UUID(invoice_id)
    )
    assert cash == [{"amount_minor": minor}]
    succeeded = await company.rows("select provider_id from payment_attempts where status = 'succeeded'")
    assert succeeded == [{"provider_id": charge["id"]}]
    assert await company.rows("select 1 from payment_attempts where status = 'pending'") == []


async def assert_nothing_may_move(company: Company, invoice_id: str) -> None:
    """While the provider processes a request, every other change of the money is refused."""
    for act in ("void", "pay"):
        answer = await company.post(f"/invoices/{invoice_id}/{act}")
        assert (answer.status_code, answer.json().get("type")) == (409, "urn:waypost:problem:payment-pending"), act
