"""Refunds as a resource; refunds, failures and disputes that the provider reports by webhook."""

from typing import Any

import httpx
import pytest

from schemas.users import TenantCreated
from services.billing.domain.attempts import FORGOTTEN_AFTER
from services.billing.handlers.payment_exceptions import NO_TENANT
from services.billing.ports import Declined
from tests.integration.billing.decisions import AMOUNT, balances, exceptions, refunded, succeeded
from tests.integration.billing.service import BillingService, Company, Row
from tests.integration.billing.test_webhooks import send_webhook
from tests.integration.infra.payments import charge, refund
from waypost.kernel.role import Role
from waypost.testing.envelopes import envelope_of
from waypost.testing.tokens import operator_bearer


async def charged(billing: BillingService, company: Company) -> tuple[str, str]:
    """A paid invoice of a tenant in the directory, and its charge at the provider."""
    created = TenantCreated(
        tenant_id=company.tenant_id,
        name="Analytical Engines",
        created_at=billing.clock.now(),
    )
    await billing.deliver(envelope_of(created, company.tenant_id, 1, at=billing.clock.now()), to="tenants")
    invoice_id = await company.finalized()
    made = (await charge(billing.payments, "pm_card_visa", amount_minor=AMOUNT)).json()
    await company.decide(await company.begin_charge(invoice_id), succeeded(made["id"]))
    return invoice_id, made["id"]


async def newest(payments: httpx.AsyncClient) -> dict[str, Any]:
    events: list[dict[str, Any]] = (await payments.get("/v1/events")).json()["data"]
    return events[-1]


async def refunds_of(company: Company, invoice_id: str) -> list[Row]:
    page = await company.get("/refunds", invoice_id=invoice_id)
    found: list[Row] = page["data"]
    return found


async def test_a_refund_is_pending_and_then_succeeds(company: Company) -> None:
    invoice_id = await company.paid()
    assert (await company.post(f"/invoices/{invoice_id}/refund", {"amount_minor": 690})).status_code == 202
    [pending] = await refunds_of(company, invoice_id)
    assert (pending["status"], pending["amount_minor"], pending["failure"]) == ("pending", 690, None)
    assert (pending["requested_by"], pending["origin"]) == (str(company.owner_id), "waypost")
    await company.decide(pending["id"], refunded("re_1", 690))
    shown = await company.get(f"/refunds/{pending['id']}")
    assert (shown["status"], shown["provider_refund_id"]) == ("succeeded", "re_1")
    assert shown["settled_at"] is not None


async def test_a_refund_that_fails_is_shown_and_published(company: Company) -> None:
    invoice_id = await company.paid()
    assert (await company.post(f"/invoices/{invoice_id}/refund", {"reason": "duplicate"})).status_code == 202
    [pending] = await refunds_of(company, invoice_id)
    for _ in range(2):
        await company.decide(pending["id"], Declined(reason="charge_already_refunded"))
    [failed] = (await company.get("/refunds", status="failed"))["data"]
    assert (failed["id"], failed["failure"], failed["reason"]) == (
        pending["id"],
        "charge_already_refunded",
        "duplicate",
    )
    assert (await company.event_types(invoice_id))[4:] == ["invoice.refund_failed"]
    assert (await company.get(f"/invoices/{invoice_id}"))["amount_refunded_minor"] == 0
    assert (await company.post(f"/invoices/{invoice_id}/refund", {})).status_code == 202


async def test_members_see_the_refunds_of_their_own_invoices(billing: BillingService, company: Company) -> None:
    invoice_id = await company.paid()
    await company.post(f"/invoices/{invoice_id}/refund", {})
    [refund_row] = await refunds_of(company, invoice_id)
    own = company.headers(Role.MEMBER, company.customer_id)
    other = company.headers(Role.MEMBER, await company.join())
    stranger = (await billing.company()).headers()
    for headers, seen in ((own, 1), (other, 0), (stranger, 0)):
        listed = await billing.http.get("/refunds", headers=headers)
        assert len(listed.json()["data"]) == seen
        one = await billing.http.get(f"/refunds/{refund_row['id']}", headers=headers)
        assert one.status_code == (200 if seen else 404)


async def test_a_refund_in_the_dashboard_is_booked_once(billing: BillingService, company: Company) -> None:
    invoice_id, charge_id = await charged(billing, company)
    await refund(billing.payments, charge=charge_id, amount_minor=690)
    part = await newest(billing.payments)
    await refund(billing.payments, charge=charge_id)
    rest = await newest(billing.payments)
    for event in (part, rest, part, rest):
        assert (await send_webhook(billing, event)).status_code == 204
    assert (await company.get(f"/invoices/{invoice_id}"))["amount_refunded_minor"] == AMOUNT
    found = await refunds_of(company, invoice_id)
    assert sorted((row["amount_minor"], row["origin"], row["status"]) for row in found) == [
        (690, "provider", "succeeded"),
        (AMOUNT - 690, "provider", "succeeded"),
    ]
    assert await balances(company) == {"refunds": AMOUNT, "revenue": -AMOUNT}
    assert await exceptions(company) == []


@pytest.mark.parametrize("ours", [True, False])
async def test_a_refund_that_the_bank_returns_counts_as_paid_again(
    billing: BillingService, company: Company, ours: bool
) -> None:
    invoice_id, charge_id = await charged(billing, company)
    made = (await refund(billing.payments, charge=charge_id, amount_minor=690)).json()
    if ours:
        assert (await company.post(f"/invoices/{invoice_id}/refund", {"amount_minor": 690})).status_code == 202
        [pending] = await refunds_of(company, invoice_id)
        await company.decide(pending["id"], refunded(made["id"], 690))
    else:
        await send_webhook(billing, await newest(billing.payments))
    assert (await company.get(f"/invoices/{invoice_id}"))["amount_refunded_minor"] == 690
    failed = await billing.payments.post(f"/v1/refunds/{made['id']}/fail", json={})
    assert failed.json()["status"] == "failed"
    event = await newest(billing.payments)
    assert event["type"] == "refund.failed"
    for _ in range(2):
        assert (await send_webhook(billing, event)).status_code == 204
    assert (await company.get(f"/invoices/{invoice_id}"))["amount_refunded_minor"] == 0
    [row] = await refunds_of(company, invoice_id)
    assert (row["status"], row["failure"]) == ("failed", "lost_or_stolen_card")
    assert (await company.event_types(invoice_id)).count("invoice.refund_failed") == 1
    assert await balances(company) == {"cash": AMOUNT, "revenue": -AMOUNT}


@pytest.mark.parametrize(("outcome", "left"), [("won", 0), ("lost", 4_690)])
async def test_a_dispute_is_booked_and_closed(
    billing: BillingService, company: Company, outcome: str, left: int
) -> None:
    invoice_id, charge_id = await charged(billing, company)
    opened = await billing.payments.post("/v1/disputes", json={"charge": charge_id, "amount_minor": 4_690})
    first = await newest(billing.payments)
    await billing.payments.post(f"/v1/disputes/{opened.json()['id']}/close", json={"status": outcome})
    last = await newest(billing.payments)
    assert (first["type"], last["type"]) == ("charge.dispute.created", "charge.dispute.closed")
    for _ in range(2):
        assert (await send_webhook(billing, first)).status_code == 204
    assert (await company.get(f"/invoices/{invoice_id}"))["amount_disputed_minor"] == 4_690
    assert await balances(company) == {"cash": AMOUNT - 4_690, "disputes": 4_690, "revenue": -AMOUNT}
    refused = await company.post(f"/invoices/{invoice_id}/refund", {"amount_minor": 20_001})
    assert refused.status_code == 422
    for event in (last, last, first):
        assert (await send_webhook(billing, event)).status_code == 204
    assert (await company.get(f"/invoices/{invoice_id}"))["amount_disputed_minor"] == left
    assert (await company.event_types(invoice_id))[4:] == ["invoice.disputed", "invoice.dispute_closed"]
    assert await exceptions(company) == []


async def test_a_dispute_that_is_closed_before_it_is_opened_is_booked(
    billing: BillingService, company: Company
) -> None:
    invoice_id, charge_id = await charged(billing, company)
    opened = await billing.payments.post("/v1/disputes", json={"charge": charge_id})
    first = await newest(billing.payments)
    await billing.payments.post(f"/v1/disputes/{opened.json()['id']}/close", json={"status": "lost"})
    for event in (await newest(billing.payments), first):
        assert (await send_webhook(billing, event)).status_code == 204
    assert await balances(company) == {"disputes": AMOUNT, "revenue": -AMOUNT}
    assert (await company.get(f"/invoices/{invoice_id}"))["amount_disputed_minor"] == AMOUNT


@pytest.mark.parametrize("kind", ["refund", "dispute", "charge"])
async def test_what_matches_no_charge_is_stored_for_operators(
    billing: BillingService, company: Company, kind: str
) -> None:
    """The tenant of our own orders is in their metadata; a charge of another system has none."""
    made = (await charge(billing.payments, "pm_card_visa", metadata={})).json()
    if kind == "refund":
        await refund(billing.payments, charge=made["id"])
    if kind == "dispute":
        await billing.payments.post("/v1/disputes", json={"charge": made["id"]})
    event = await newest(billing.payments)
    if kind != "charge":  # our charge may still be recorded; a charge without an attempt is not ours
        assert (await send_webhook(billing, event)).status_code == 503
        billing.clock.move(FORGOTTEN_AFTER)
    for _ in range(2):
        assert (await send_webhook(billing, event)).status_code == 204
    headers = dict(operator_bearer(at=billing.clock.now()))
    listed = await billing.http.get("/ops/payment-exceptions", headers=headers)
    found = [row for row in listed.json()["data"] if row["provider_id"] == event["data"]["object"]["id"]]
    assert [(row["kind"], row["tenant_id"]) for row in found] == [("unmatched", str(NO_TENANT))]
    assert f"there is no charge {made['id']}" in found[0]["detail"]
    path = f"/ops/payment-exceptions/{found[0]['id']}"
    assert (await billing.http.get(path, headers=headers)).json() == found[0]
    elsewhere = await billing.http.get(path, params={"tenant_id": str(company.tenant_id)}, headers=headers)
    assert elsewhere.status_code == 404
    assert (await billing.http.get("/ops/payment-exceptions", headers=company.headers())).status_code == 403


async def test_a_refund_in_another_currency_is_not_booked(billing: BillingService, company: Company) -> None:
    invoice_id, charge_id = await charged(billing, company)
    await refund(billing.payments, charge=charge_id, amount_minor=690)
    event = await newest(billing.payments)
    event["data"]["object"]["currency"] = "JPY"
    assert (await send_webhook(billing, event)).status_code == 204
    assert (await company.get(f"/invoices/{invoice_id}"))["amount_refunded_minor"] == 0
    [found] = await exceptions(company)
    assert (found["kind"], found["expected"]) == ("mismatch", "refund in EUR")


async def test_a_refund_of_more_than_was_paid_is_not_booked(billing: BillingService, company: Company) -> None:
    invoice_id, charge_id = await charged(billing, company)
    await refund(billing.payments, charge=charge_id)
    event = await newest(billing.payments)
    event["data"]["object"]["amount_minor"] = AMOUNT + 1
    assert (await send_webhook(billing, event)).status_code == 204
    [found] = await exceptions(company)
    assert (found["kind"], found["invoice_id"]) == ("not_bookable", invoice_id)
