"""Charges that succeed after their attempt was settled pay the invoice, or are refunded once."""

import asyncio
from uuid import UUID

import pytest

from services.billing.commands import AbandonAttempt
from services.billing.domain import AttemptKind
from services.billing.ports import Declined, Reported, Succeeded
from tests.integration.billing.decisions import (
    AMOUNT,
    balances,
    decline,
    declined,
    exceptions,
    refunded,
    resolve,
    stray_payments,
    succeeded,
    written_off,
)
from tests.integration.billing.service import BillingService, Company
from tests.integration.infra.payments import charge
from waypost.kernel.money import Money
from waypost.testing.database import connected
from waypost.testing.eventually import eventually


async def test_late_money_pays_an_open_invoice_instead_of_a_second_charge(company: Company) -> None:
    invoice_id = await company.finalized()
    attempt_id = await decline(company, invoice_id)
    for _ in range(3):
        await company.decide(attempt_id, succeeded("ch_late"))
    assert (await company.get(f"/invoices/{invoice_id}"))["status"] == "paid"
    assert await company.handle(company.charge_of(invoice_id)) is None
    assert [(row["charge_id"], row["status"]) for row in await stray_payments(company)] == [("ch_late", "applied")]
    assert await balances(company) == {"cash": AMOUNT, "revenue": -AMOUNT}
    assert (await company.post(f"/invoices/{invoice_id}/refund", {})).status_code == 202
    [refund] = await company.rows("select charge_id from payment_attempts where kind = 'refund'")
    assert refund["charge_id"] == "ch_late"


async def test_late_money_of_an_abandoned_attempt_pays_a_written_off_invoice(company: Company) -> None:
    invoice_id = await company.finalized()
    attempt_id = await company.begin_charge(invoice_id)
    await company.handle(AbandonAttempt(attempt_id=attempt_id, at=company.billing.clock.now()))
    await company.decide(attempt_id, succeeded("ch_late"))
    assert (await company.get(f"/invoices/{invoice_id}"))["status"] == "paid"
    other = await written_off(company, 500)
    [last, *_] = await company.rows(
        "select id from payment_attempts where invoice_id = :id order by attempt desc", id=UUID(other)
    )
    await company.decide(last["id"], succeeded("ch_later", 500))
    assert (await company.get(f"/invoices/{other}"))["status"] == "paid"
    assert (await company.rows("select written_off_invoices as n from customers"))[0]["n"] == 0


async def test_late_money_of_a_void_invoice_is_refunded_once(billing: BillingService, company: Company) -> None:
    invoice_id = await company.finalized()
    attempt_id = await decline(company, invoice_id)
    assert (await company.post(f"/invoices/{invoice_id}/void")).status_code == 200
    made = (await charge(billing.payments, "pm_card_visa", amount_minor=AMOUNT)).json()
    for _ in range(3):
        await company.decide(attempt_id, succeeded(made["id"]))
    async with billing.working():
        await company_becomes_refunded(company)
    await company.decide(attempt_id, succeeded(made["id"]))
    refunds = (await billing.payments.get("/v1/refunds")).json()["data"]
    [stray] = await stray_payments(company)
    assert [(item["charge"], item["amount_minor"], item["idempotency_key"]) for item in refunds] == [
        (made["id"], AMOUNT, f"stray-{stray['id']}")
    ]
    assert (stray["status"], stray["refund_id"]) == ("refunded", refunds[0]["id"])
    assert (await company.get(f"/invoices/{invoice_id}"))["status"] == "void"
    assert await exceptions(company) == []


async def company_becomes_refunded(company: Company) -> None:
    async def refunded_now() -> bool:
        return [row["status"] for row in await stray_payments(company)] == ["refunded"]

    await eventually(refunded_now, deadline_seconds=20)


@pytest.mark.parametrize("second_succeeds", [True, False])
async def test_late_money_waits_for_the_pending_charge(company: Company, second_succeeds: bool) -> None:
    """The second charge may be at the provider already: its outcome decides about the first."""
    invoice_id = await company.finalized()
    first = await decline(company, invoice_id)
    second = await company.begin_charge(invoice_id)
    await company.decide(first, succeeded("ch_first"))
    assert [row["status"] for row in await stray_payments(company)] == ["held"]
    assert (await company.get(f"/invoices/{invoice_id}"))["status"] == "open"
    await company.decide(second, succeeded("ch_second") if second_succeeds else declined())
    assert (await company.get(f"/invoices/{invoice_id}"))["status"] == "paid"
    expected = "refunding" if second_succeeds else "applied"
    assert [row["status"] for row in await stray_payments(company)] == [expected]
    assert await balances(company) == {"cash": AMOUNT, "revenue": -AMOUNT}
    assert (await company.event_types(invoice_id)).count("invoice.paid") == 1


@pytest.mark.parametrize("repetition", range(4))
async def test_a_late_notice_against_a_second_charge_keeps_one_payment(company: Company, repetition: int) -> None:
    invoice_id = await company.finalized()
    first = await decline(company, invoice_id)

    async def second_charge() -> None:
        attempt = await company.handle(company.charge_of(invoice_id))
        if attempt is not None:
            await company.decide(attempt.id, succeeded("ch_second"))

    await asyncio.gather(second_charge(), company.decide(first, succeeded("ch_first")), second_charge())
    assert (await company.get(f"/invoices/{invoice_id}"))["status"] == "paid"
    assert (await company.event_types(invoice_id)).count("invoice.paid") == 1
    kept = await company.rows("select provider_id from payment_attempts where status = 'succeeded'")
    returned = [row["charge_id"] for row in await stray_payments(company) if row["status"] == "refunding"]
    assert len(kept) == 1
    taken = {"ch_first"} | (
        {"ch_second"} if kept[0]["provider_id"] == "ch_second" or "ch_second" in returned else set()
    )
    assert {kept[0]["provider_id"], *returned} == taken
    assert await balances(company) == {"cash": AMOUNT, "revenue": -AMOUNT}


async def test_a_second_charge_under_one_key_is_refunded(company: Company) -> None:
    """The provider forgot the key and charged twice."""
    attempt_id = await company.begin_charge(await company.finalized())
    await company.decide(attempt_id, succeeded("ch_1"))
    await company.decide(attempt_id, succeeded("ch_2"))
    assert [(row["charge_id"], row["status"]) for row in await stray_payments(company)] == [("ch_2", "refunding")]


@pytest.mark.parametrize(
    "reported",
    [
        Reported(kind=AttemptKind.CHARGE, amount=Money(1, "EUR")),
        Reported(kind=AttemptKind.CHARGE, amount=Money(AMOUNT, "JPY")),
        Reported(kind=AttemptKind.REFUND, amount=Money(AMOUNT, "EUR")),
    ],
)
async def test_a_report_that_differs_from_its_attempt_settles_nothing(
    billing: BillingService, company: Company, reported: Reported
) -> None:
    invoice_id = await company.finalized()
    attempt_id = await company.begin_charge(invoice_id)
    for _ in range(3):
        await company.decide(attempt_id, Succeeded(provider_id="ch_1", reported=reported))
    assert (await company.get(f"/invoices/{invoice_id}"))["status"] == "open"
    [attempt] = await company.rows("select status from payment_attempts")
    assert attempt["status"] == "pending"
    [found] = await exceptions(company)
    assert (found["kind"], found["attempt_id"], found["expected"]) == (
        "mismatch",
        str(attempt_id),
        "charge of 246.90 EUR",
    )
    assert found["reported"] == f"{reported.kind} of {reported.amount}, succeeded"

    body = {"tenant_id": str(company.tenant_id), "reason": "refunded at the provider", "close_attempt": True}
    path = f"/ops/payment-exceptions/{found['id']}/resolve"
    assert (await company.post(path, body)).status_code == 403
    would = await resolve(company, found, close_attempt=True, dry_run=True)
    assert (would["was_open"], would["attempt_closed"], await exceptions(company)) == (True, True, [found])
    assert (await company.rows("select status from payment_attempts"))[0]["status"] == "pending"
    answers = [await resolve(company, found, close_attempt=close) for close in (False, True, True)]
    assert [(answer["was_open"], answer["attempt_closed"]) for answer in answers] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    # What changes something is audited.
    async with connected(billing.where.owner) as owner:
        assert await owner.fetchval("select count(*) from operator_actions where subject = $1", str(found["id"])) == 2
    assert await exceptions(company) == []
    [attempt] = await company.rows("select status from payment_attempts")
    assert attempt["status"] == "abandoned"
    assert (await company.get(f"/invoices/{invoice_id}"))["next_attempt_at"] is not None


async def test_a_decline_of_another_amount_settles_nothing(company: Company) -> None:
    attempt_id = await company.begin_charge(await company.finalized())
    other = Reported(kind=AttemptKind.CHARGE, amount=Money(1, "EUR"))
    await company.decide(attempt_id, Declined(reason="card_declined", provider_id="ch_1", reported=other))
    await company.decide(attempt_id, Succeeded(provider_id="ch_1", reported=other))
    assert (await company.rows("select status from payment_attempts"))[0]["status"] == "pending"
    reports = [row["reported"] for row in await exceptions(company)]
    assert sorted(reports) == ["charge of 0.01 EUR, failed", "charge of 0.01 EUR, succeeded"]


async def test_twenty_refunds_at_once_return_the_amount_once(company: Company) -> None:
    path = f"/invoices/{await company.paid()}/refund"
    answers = await asyncio.gather(*(company.post(path, {}) for _ in range(20)))
    assert sorted({answer.status_code for answer in answers}) == [202, 409]
    [pending] = await company.rows("select id from payment_attempts where kind = 'refund'")
    await asyncio.gather(*(company.decide(pending["id"], refunded("re_1")) for _ in range(20)))
    assert await balances(company) == {"refunds": AMOUNT, "revenue": -AMOUNT}
