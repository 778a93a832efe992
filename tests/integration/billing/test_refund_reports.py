"""Reports about refunds that arrive at once, repeated, late, or in another order."""

import asyncio
from uuid import UUID

import pytest

from services.billing.commands import BookNotice
from services.billing.ports import Decision, Declined, NoticeOutcome, ProviderNotice
from tests.integration.billing.decisions import (
    AMOUNT,
    balances,
    decline,
    declined,
    exceptions,
    refund_notice,
    refunded,
    stray_payments,
    succeeded,
)
from tests.integration.billing.service import BillingService, Company
from tests.integration.billing.test_lock_order import UNLIMITED, WAITING
from waypost.testing.database import connected
from waypost.testing.eventually import eventually

PART = 690
ALREADY_REFUNDED = Declined(reason="charge_already_refunded")


def failed(refund_id: str, amount_minor: int = AMOUNT) -> Declined:
    reported = refunded(refund_id, amount_minor).reported
    return Declined(reason="lost_or_stolen_card", provider_id=refund_id, reported=reported)


async def book(company: Company, notice: ProviderNotice) -> None:
    await company.handle(BookNotice(notice=notice, at=company.billing.clock.now()))


async def refund_part(company: Company) -> tuple[str, UUID]:
    """An invoice with a pending refund of a part."""
    invoice_id = await company.paid()
    assert (await company.post(f"/invoices/{invoice_id}/refund", {"amount_minor": PART})).status_code == 202
    [pending] = await company.rows("select id from payment_attempts where kind = 'refund'")
    return invoice_id, pending["id"]


async def refunding(company: Company, charge_id: str = "ch_late") -> UUID:
    """A stray payment of a void invoice, whose declined attempt names the same charge."""
    invoice_id = await company.finalized()
    attempt_id = await company.begin_charge(invoice_id)
    await company.decide(attempt_id, Declined(reason="card_declined", provider_id=charge_id))
    assert (await company.post(f"/invoices/{invoice_id}/void")).status_code == 200
    await company.decide(attempt_id, succeeded(charge_id))
    [stray] = await stray_payments(company)
    assert stray["status"] == "refunding"
    return UUID(stray["id"])


async def test_twenty_reports_at_once_book_a_part_once(billing: BillingService, company: Company) -> None:
    """All reports read the refund as pending before the first one has the lock."""
    invoice_id, refund_id = await refund_part(company)
    async with connected(billing.database.dsn) as other, connected(billing.database.dsn) as watcher:
        async with other.transaction():
            await other.execute(UNLIMITED)
            await other.execute("select set_config('app.tenants', $1, true)", str(company.tenant_id))
            await other.execute("select from invoices.invoices where invoice_id = $1 for update", UUID(invoice_id))
            reports = [asyncio.ensure_future(company.decide(refund_id, refunded("re_1", PART))) for _ in range(20)]

            async def several_wait() -> bool:
                return len(await watcher.fetch(WAITING)) >= 4

            await eventually(several_wait)
        await asyncio.gather(*reports)
    assert (await company.event_types(invoice_id)).count("invoice.refunded") == 1
    assert (await company.get(f"/invoices/{invoice_id}"))["amount_refunded_minor"] == PART
    assert await balances(company) == {"cash": AMOUNT - PART, "refunds": PART, "revenue": -AMOUNT}
    assert await exceptions(company) == []


async def test_late_money_does_not_wait_for_a_refund(company: Company) -> None:
    """A refund decides nothing about it: it would be held permanently."""
    invoice_id = await company.finalized()
    first = await decline(company, invoice_id)
    await company.decide(await company.begin_charge(invoice_id), succeeded("ch_2"))
    assert (await company.post(f"/invoices/{invoice_id}/refund", {})).status_code == 202
    await company.decide(first, succeeded("ch_1"))
    assert [(row["charge_id"], row["status"]) for row in await stray_payments(company)] == [("ch_1", "refunding")]


async def test_a_failure_before_the_success_of_one_refund_books_nothing(company: Company) -> None:
    invoice_id = await company.finalized()
    await company.decide(await company.begin_charge(invoice_id), succeeded("ch_1"))
    reason = {"outcome": NoticeOutcome.FAILED, "reason": "lost_or_stolen_card"}
    for _ in range(2):
        await book(company, refund_notice("ch_1", "re_1", PART, **reason))
    await book(company, refund_notice("ch_1", "re_1", PART))
    [row] = (await company.get("/refunds", invoice_id=invoice_id))["data"]
    assert (row["status"], row["failure"], row["origin"]) == ("failed", "lost_or_stolen_card", "provider")
    assert (await company.get(f"/invoices/{invoice_id}"))["amount_refunded_minor"] == 0
    assert await balances(company) == {"cash": AMOUNT, "revenue": -AMOUNT}
    assert await exceptions(company) == []


async def test_a_declined_attempt_is_not_the_charge_that_paid(company: Company) -> None:
    invoice_id = await company.finalized()
    attempt_id = await company.begin_charge(invoice_id)
    await company.decide(attempt_id, Declined(reason="card_declined", provider_id="ch_1"))
    await company.decide(await company.begin_charge(invoice_id), succeeded("ch_2"))
    await book(company, refund_notice("ch_1", "re_1", PART))
    assert (await company.get(f"/invoices/{invoice_id}"))["amount_refunded_minor"] == 0
    [found] = await exceptions(company)
    assert (found["kind"], found["detail"]) == ("not_bookable", "the charge ch_1 paid no invoice")
    await book(company, refund_notice("ch_2", "re_2", PART))
    assert (await company.get(f"/invoices/{invoice_id}"))["amount_refunded_minor"] == PART


@pytest.mark.parametrize(
    ("reports", "status", "refund_id"),
    [
        ([refunded("re_1")], "refunded", "re_1"),
        ([ALREADY_REFUNDED], "refunded", None),
        ([refunded("re_1"), failed("re_1")], "refund_failed", "re_1"),
        ([refunded("re_1"), failed("re_2")], "refunded", "re_1"),
        ([failed("re_1"), refunded("re_1")], "refund_failed", "re_1"),
        ([failed("re_1"), refunded("re_2")], "refunded", "re_2"),
        ([failed("re_1"), ALREADY_REFUNDED], "refunded", "re_1"),
        ([declined(), refunded("re_1"), refunded("re_1")], "refunded", "re_1"),
        ([refunded("re_1", PART)], "refund_failed", "re_1"),
        ([refunded("re_1", PART), failed("re_1", PART)], "refund_failed", "re_1"),
        ([refunded("re_1", PART), refunded("re_2")], "refunded", "re_2"),
        ([refunded("re_1"), refunded("re_2", PART)], "refunded", "re_1"),
    ],
)
async def test_the_last_state_of_a_stray_payments_refund(
    company: Company, reports: list[Decision], status: str, refund_id: str | None
) -> None:
    stray_id = await refunding(company)
    for report in reports:
        await company.decide(stray_id, report)
    [stray] = await stray_payments(company)
    assert (stray["status"], stray["refund_id"]) == (status, refund_id)
    [row] = await company.rows("select failure from stray_payments")
    assert (row["failure"] is None) == (status == "refunded")
    differing = [report for report in reports if report.reported and report.reported.amount.amount_minor == PART]
    assert [each["kind"] for each in await exceptions(company)] == ["mismatch"] * len(differing)


@pytest.mark.parametrize("first", [None, failed("re_1")])
async def test_a_full_refund_in_the_dashboard_returns_a_stray_payment(company: Company, first: Decision | None) -> None:
    """Also if the declined attempt has the id of the same charge."""
    stray_id = await refunding(company)
    if first is not None:
        await company.decide(stray_id, first)
    await book(company, refund_notice("ch_late", "re_2", AMOUNT))
    [stray] = await stray_payments(company)
    assert (stray["status"], stray["refund_id"]) == ("refunded", "re_2")
    assert await exceptions(company) == []
    await book(company, refund_notice("ch_late", "re_2", AMOUNT, outcome=NoticeOutcome.FAILED, reason="returned"))
    assert [row["status"] for row in await stray_payments(company)] == ["refund_failed"]


async def test_a_partial_refund_of_a_stray_payment_is_for_the_operators(company: Company) -> None:
    await refunding(company)
    await book(company, refund_notice("ch_late", "re_2", PART))
    assert [row["status"] for row in await stray_payments(company)] == ["refunding"]
    [found] = await exceptions(company)
    assert (found["kind"], found["detail"]) == ("not_bookable", "the charge is a stray payment")
