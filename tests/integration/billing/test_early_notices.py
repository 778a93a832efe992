"""Webhooks arrive in any order: a refund or a dispute may be reported before its charge."""

from typing import Any

import pytest

from schemas.users import TenantCreated
from services.billing.commands import BookNotice
from services.billing.domain.attempts import FORGOTTEN_AFTER
from services.billing.domain.errors import ChargeNotRecorded
from services.billing.ports import Declined, NoticeKind, NoticeOutcome
from tests.integration.billing.decisions import AMOUNT, decline, declined, exceptions, refund_notice, succeeded
from tests.integration.billing.service import BillingService, Company
from tests.integration.billing.test_refunds import newest
from tests.integration.billing.test_webhooks import send_webhook
from tests.integration.infra.payments import charge, refund
from waypost.testing.envelopes import envelope_of

PART = 690


async def made_in_the_dashboard(billing: BillingService, kind: str, charge_id: str) -> dict[str, Any]:
    """The provider's webhook about a refund or a dispute of a part of the charge."""
    if kind == "refund":
        await refund(billing.payments, charge=charge_id, amount_minor=PART)
    else:
        await billing.payments.post("/v1/disputes", json={"charge": charge_id, "amount_minor": PART})
    return await newest(billing.payments)


@pytest.fixture
async def known(billing: BillingService, company: Company) -> Company:
    """A company in the directory of tenants."""
    created = TenantCreated(tenant_id=company.tenant_id, name="Analytical Engines", created_at=billing.clock.now())
    await billing.deliver(envelope_of(created, company.tenant_id, 1, at=billing.clock.now()), to="tenants")
    return company


@pytest.mark.parametrize("kind", ["refund", "dispute"])
@pytest.mark.parametrize("attempt", ["pending", "declined"])
async def test_a_notice_before_the_record_of_its_charge_is_booked_when_it_is_sent_again(
    billing: BillingService, known: Company, kind: str, attempt: str
) -> None:
    """No attempt has the charge yet, or a declined one has it, whose charge succeeded after all."""
    invoice_id = await known.finalized()
    attempt_id = await known.begin_charge(invoice_id)
    charge_id = (await charge(billing.payments, "pm_card_visa", amount_minor=AMOUNT)).json()["id"]
    if attempt == "declined":
        await known.decide(attempt_id, Declined(reason="card_declined", provider_id=charge_id))
    event = await made_in_the_dashboard(billing, kind, charge_id)
    early = await send_webhook(billing, event)
    assert (early.status_code, early.headers["retry-after"]) == (503, "60")
    assert "not recorded yet" in early.json()["detail"]
    await known.decide(attempt_id, succeeded(charge_id))
    for _ in range(2):
        assert (await send_webhook(billing, event)).status_code == 204
    invoice = await known.get(f"/invoices/{invoice_id}")
    amounts = {"refund": invoice["amount_refunded_minor"], "dispute": invoice["amount_disputed_minor"]}
    assert (amounts.pop(kind), *amounts.values()) == (PART, 0)
    assert await exceptions(known) == []


@pytest.mark.parametrize("kind", [NoticeKind.REFUND, NoticeKind.DISPUTE])
async def test_a_notice_about_a_held_charge_waits_until_the_charge_is_used(company: Company, kind: NoticeKind) -> None:
    invoice_id = await company.finalized()
    first = await decline(company, invoice_id)
    second = await company.begin_charge(invoice_id)
    await company.decide(first, succeeded("ch_first"))
    outcome = NoticeOutcome.SUCCEEDED if kind is NoticeKind.REFUND else NoticeOutcome.OPENED
    now = company.billing.clock.now()
    notice = refund_notice("ch_first", "made_there", PART, kind=kind, outcome=outcome, created_at=now)
    with pytest.raises(ChargeNotRecorded):
        await company.handle(BookNotice(notice=notice, at=now))
    await company.decide(second, declined())
    await company.handle(BookNotice(notice=notice, at=now))
    invoice = await company.get(f"/invoices/{invoice_id}")
    assert (invoice["status"], invoice["amount_refunded_minor"] + invoice["amount_disputed_minor"]) == ("paid", PART)
    assert await exceptions(company) == []


async def test_a_notice_whose_charge_is_never_recorded_is_for_the_operators(
    billing: BillingService, known: Company
) -> None:
    attempt_id = await known.begin_charge(await known.finalized())
    charge_id = (await charge(billing.payments, "pm_card_visa", amount_minor=AMOUNT)).json()["id"]
    await known.decide(attempt_id, Declined(reason="card_declined", provider_id=charge_id))
    event = await made_in_the_dashboard(billing, "refund", charge_id)
    assert (await send_webhook(billing, event)).status_code == 503
    assert await exceptions(known) == []
    billing.clock.move(FORGOTTEN_AFTER)
    assert (await send_webhook(billing, event)).status_code == 204
    assert [row["detail"] for row in await exceptions(known)] == [f"the charge {charge_id} paid no invoice"]


@pytest.mark.parametrize("kind", ["refund", "dispute"])
async def test_a_notice_about_a_charge_with_a_mismatch_is_stored_at_once(
    billing: BillingService, known: Company, kind: str
) -> None:
    """Nothing records such a charge later, and operators refund it in the dashboard."""
    attempt_id = await known.begin_charge(await known.finalized())
    charge_id = (await charge(billing.payments, "pm_card_visa", amount_minor=5_000)).json()["id"]
    await known.decide(attempt_id, succeeded(charge_id, 5_000))
    event = await made_in_the_dashboard(billing, kind, charge_id)
    assert (await send_webhook(billing, event)).status_code == 204
    details = {row["kind"]: row["detail"] for row in await exceptions(known)}
    assert details.keys() == {"mismatch", "not_bookable"}
    assert details["not_bookable"] == f"the charge {charge_id} paid no invoice"
