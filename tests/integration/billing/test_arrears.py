"""Written-off invoices: paid, voided and refunded afterwards, and what they limit."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from schemas.users import UserCreated
from services.billing.commands import RenewSubscription
from tests.integration.billing.decisions import AMOUNT, balances, declined, refunded, succeeded, written_off
from tests.integration.billing.service import BillingService, Company
from tests.integration.billing.subscriptions import history, subscribed
from waypost.testing.envelopes import envelope_of

PROBLEM = "urn:waypost:problem:"
VISA = {"token": "pm_card_visa"}


async def pending_id(company: Company, kind: str = "charge") -> UUID:
    rows = await company.rows("select id from payment_attempts where status = 'pending' and kind = :kind", kind=kind)
    assert len(rows) == 1, rows
    return UUID(str(rows[0]["id"]))


async def customer_events(company: Company) -> list[str]:
    rows = await company.rows(
        "select type from events where aggregate_type = 'customer' and aggregate_id = :id order by version",
        id=company.customer_id,
    )
    return [row["type"] for row in rows]


async def test_a_written_off_invoice_is_paid_and_refunded(company: Company) -> None:
    invoice_id = await written_off(company)
    assert await balances(company) == {"write_offs": AMOUNT, "revenue": -AMOUNT}
    asked = await company.post(f"/invoices/{invoice_id}/pay")
    assert asked.status_code == 202, asked.text
    attempt = await pending_id(company)
    await company.decide(attempt, succeeded("ch_late"))
    invoice = await company.get(f"/invoices/{invoice_id}")
    assert (invoice["status"], invoice["amount_paid_minor"]) == ("paid", AMOUNT)
    assert await balances(company) == {"cash": AMOUNT, "revenue": -AMOUNT}

    assert (await company.post(f"/invoices/{invoice_id}/refund", {})).status_code == 202
    await company.decide(await pending_id(company, "refund"), refunded("re_1"))
    assert (await company.get(f"/invoices/{invoice_id}"))["amount_refunded_minor"] == AMOUNT
    assert await balances(company) == {"refunds": AMOUNT, "revenue": -AMOUNT}


async def test_a_written_off_invoice_is_voided(company: Company) -> None:
    invoice_id = await written_off(company)
    voided = await company.post(f"/invoices/{invoice_id}/void")
    assert (voided.status_code, voided.json()["status"]) == (200, "void")
    assert await balances(company) == {}
    assert (await company.post(f"/invoices/{invoice_id}/pay")).status_code == 409


async def test_a_declined_payment_leaves_the_invoice_written_off(company: Company) -> None:
    invoice_id = await written_off(company)
    jobs = await company.rows("select count(*) as n from jobs where name = 'retry_payment'")
    assert (await company.post(f"/invoices/{invoice_id}/pay")).status_code == 202
    await company.decide(await pending_id(company), declined())
    invoice = await company.get(f"/invoices/{invoice_id}")
    assert (invoice["status"], invoice["next_attempt_at"]) == ("uncollectible", None)
    more = await company.rows("select count(*) as n from jobs where name = 'retry_payment'")
    assert more[0]["n"] == jobs[0]["n"] + 1, "the payment that was asked for, and no step of dunning"
    assert await company.handle(company.charge_of(invoice_id)) is None


async def test_each_settled_write_off_counts_down(company: Company) -> None:
    first, second = await company.finalized(), await company.finalized(500)
    for invoice_id in (first, second):
        await written_off(company, invoice_id=invoice_id)
    await company.post(f"/invoices/{second}/void")
    rows = await company.rows("select written_off_invoices from customers")
    assert rows[0]["written_off_invoices"] == 1
    await company.post(f"/invoices/{first}/void")
    rows = await company.rows("select written_off_invoices from customers")
    assert rows[0]["written_off_invoices"] == 0
    assert (await customer_events(company))[-4:] == [
        *["customer.invoice_written_off"] * 2,
        *["customer.write_off_settled"] * 2,
    ]


async def test_a_customer_in_arrears_gets_nothing_new_until_it_pays(company: Company) -> None:
    draft = await company.draft(100)
    invoice_id = await written_off(company)
    requests = [
        ("/invoices", {"customer_id": str(company.customer_id), "currency": "EUR"}),
        ("/subscriptions", {"customer_id": str(company.customer_id), "plan": "starter"}),
    ]
    for path, body in requests:
        refused = await company.post(path, body)
        assert (refused.status_code, refused.json()["type"]) == (409, f"{PROBLEM}customer-in-arrears"), path
        assert "pay or void" in refused.json()["detail"]
    line = {"description": "Difference engine", "quantity": 1, "unit_amount_minor": 1}
    assert (await company.post(f"/invoices/{draft}/lines", line)).status_code == 201
    finalized = await company.post(f"/invoices/{draft}/finalize")
    assert (finalized.status_code, finalized.json()["type"]) == (409, f"{PROBLEM}customer-in-arrears")
    await company.post(f"/invoices/{invoice_id}/void")
    assert (await company.post(f"/invoices/{draft}/finalize")).status_code == 200
    for path, body in requests:
        assert (await company.post(path, body)).status_code == 201, path


async def test_the_owners_arrears_limit_the_tenant_to_paying(billing: BillingService, company: Company) -> None:
    invoice_id = await written_off(company)
    colleague = await company.join()
    other = {"customer_id": str(colleague)}
    card = await company.ask("POST", f"/customers/{colleague}/payment-methods", VISA, user_id=colleague)
    assert card.status_code == 201, card.text
    created = await company.post("/invoices", other | {"currency": "EUR"})
    assert created.status_code == 201
    draft = f"/invoices/{created.json()['id']}"
    line = {"description": "Difference engine", "quantity": 1, "unit_amount_minor": 1}
    assert (await company.post(f"{draft}/lines", line)).status_code == 201
    await billing.deliver(envelope_of(_owner(company), company.customer_id, 1, at=billing.clock.now()), to="principals")
    for path, body in (("/invoices", other | {"currency": "EUR"}), ("/subscriptions", other | {"plan": "starter"})):
        refused = await company.post(path, body)
        assert (refused.status_code, refused.json()["type"]) == (409, f"{PROBLEM}tenant-in-arrears"), refused.text
    finalized = await company.post(f"{draft}/finalize")
    assert (finalized.status_code, finalized.json()["type"]) == (409, f"{PROBLEM}tenant-in-arrears")
    assert (await company.get("/invoices", status="uncollectible"))["data"][0]["id"] == invoice_id
    assert (await company.post(f"/invoices/{invoice_id}/pay")).status_code == 202
    await company.decide(await pending_id(company), succeeded("ch_1"))
    assert (await company.post("/invoices", other | {"currency": "EUR"})).status_code == 201
    assert (await company.post(f"{draft}/finalize")).status_code == 200


async def test_another_subscription_of_a_debtor_is_not_charged_on(company: Company) -> None:
    subscription = await subscribed(company)
    await company.decide(await company.begin_charge(subscription["invoice_id"]), succeeded("ch_1", 1_900))
    await written_off(company, 100)
    company.billing.clock.move(timedelta(days=32))
    command = RenewSubscription(subscription_id=UUID(subscription["id"]), at=company.billing.clock.now())
    await company.handle(command)
    shown = await company.get(f"/subscriptions/{subscription['id']}")
    assert shown["status"] == "canceled"
    assert (await history(company, subscription))[-1] == "subscription.canceled"
    invoices = await company.get("/invoices", subscription_id=subscription["id"])
    assert len(invoices["data"]) == 1


@pytest.mark.parametrize("repetition", range(3))
async def test_pay_against_void_of_a_written_off_invoice(company: Company, repetition: int) -> None:
    invoice_id = await written_off(company)
    answers = await asyncio.gather(
        *(company.post(f"/invoices/{invoice_id}/{act}") for act in ("pay", "void", "pay", "void"))
    )
    statuses = [answer.status_code for answer in answers]
    attempts = await company.rows("select id from payment_attempts where status = 'pending'")
    invoice = await company.get(f"/invoices/{invoice_id}")
    if attempts:
        assert (invoice["status"], statuses.count(202), statuses.count(200)) == ("uncollectible", 1, 0)
        await company.decide(attempts[0]["id"], succeeded("ch_1"))
        assert await balances(company) == {"cash": AMOUNT, "revenue": -AMOUNT}
    else:
        assert (invoice["status"], statuses.count(202), statuses.count(200)) == ("void", 0, 1)
        assert await balances(company) == {}


def _owner(company: Company) -> UserCreated:
    return UserCreated(
        tenant_id=company.tenant_id,
        user_id=company.customer_id,
        email="owner@example.com",
        display_name="Grace Hopper",
        role="owner",
        locale="en",
        created_at=company.billing.clock.now(),
    )
