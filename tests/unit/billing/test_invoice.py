"""The state machine of an invoice."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.billing import EVENTS, CustomerErased
from services.billing.domain import Invoice, InvoiceStatus
from services.billing.domain.errors import (
    InvoiceEmpty,
    InvoiceNotDraft,
    InvoiceNotOpen,
    InvoiceNotPaid,
    RefundTooLarge,
    TooManyLines,
    TotalTooLarge,
)
from services.billing.domain.ledger import entry_of
from services.billing.domain.line import MAX_LINES, MAX_TOTAL_MINOR
from services.billing.projections.invoices import INVOICE_ROWS
from tests.unit.billing.invoices import NOW, charge_of, draft, opened, paid, refund_of, with_line
from waypost.kernel.errors import ConcurrencyConflict, Invalid, Refused
from waypost.kernel.ids import TenantId
from waypost.kernel.money import Money

DRAFT, OPEN, PAID = InvoiceStatus.DRAFT, InvoiceStatus.OPEN, InvoiceStatus.PAID
VOID, UNCOLLECTIBLE = InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE

ACTS: Mapping[str, Callable[[Invoice], Any]] = {
    "add a line": with_line,
    "finalize": lambda invoice: invoice.finalize(7, due_at=NOW, at=NOW),
    "fail": lambda invoice: invoice.fail_payment(charge_of(invoice), "card_declined", next_attempt_at=NOW, at=NOW),
    "pay": lambda invoice: invoice.pay(charge_of(invoice), "ch_1", NOW),
    "void": lambda invoice: invoice.void("requested", NOW),
    "write off": lambda invoice: invoice.mark_uncollectible(4, NOW),
    "refund": lambda invoice: invoice.refund(refund_of(invoice, 5_000), "requested", "re_1", NOW),
    "fail a refund": lambda invoice: invoice.fail_refund(
        refund_of(invoice, 5_000), "lost_card", requested_by=None, at=NOW
    ),
    "dispute": lambda invoice: invoice.dispute("dp_1", Money(5_000, "EUR"), "fraudulent", NOW),
    "win the dispute": lambda invoice: invoice.close_dispute("dp_1", won=True, at=NOW),
    "lose the dispute": lambda invoice: invoice.close_dispute("dp_1", won=False, at=NOW),
}
ALLOWED = {
    (DRAFT, "add a line"): DRAFT,
    (DRAFT, "finalize"): OPEN,
    (OPEN, "fail"): OPEN,
    (OPEN, "pay"): PAID,
    (OPEN, "void"): VOID,
    (OPEN, "write off"): UNCOLLECTIBLE,
    (UNCOLLECTIBLE, "fail"): UNCOLLECTIBLE,
    (UNCOLLECTIBLE, "pay"): PAID,
    (UNCOLLECTIBLE, "void"): VOID,
    (PAID, "refund"): PAID,
    (PAID, "fail a refund"): PAID,
    (PAID, "dispute"): PAID,
    (PAID, "win the dispute"): PAID,
    (PAID, "lose the dispute"): PAID,
}


@pytest.mark.parametrize("code", ["XXQ", "XXX", "XAU", "BOV", "eur", ""])
def test_an_unknown_currency_is_refused(code: str) -> None:
    with pytest.raises(Invalid, match="not a supported ISO 4217 currency"):
        Invoice.create(uuid4(), TenantId(uuid4()), customer_id=uuid4(), currency=code, at=NOW)


def test_a_stored_invoice_in_a_retired_currency_can_be_read_and_voided() -> None:
    written = opened()
    history: list[Any] = [replace(event, currency="XXQ") for event in cast(list[Any], written.recorded)]
    invoice = Invoice.fold(written.id, written.tenant_id, history)
    assert str(invoice.total) == "246.90 XXQ"
    entry = entry_of(history[-1])
    assert entry is not None and entry.postings[0].amount == invoice.total
    invoice.void("requested", NOW)


@given(st.lists(st.sampled_from(list(ACTS)), max_size=20))
def test_an_invoice_makes_only_valid_transitions(acts: list[str]) -> None:
    invoice = draft()
    for act in acts:
        before = _state(invoice)
        expected = ALLOWED.get((invoice.status, act))
        if act == "finalize" and not invoice.lines:
            expected = None
        if act in ("refund", "dispute") and invoice.refundable_minor < 5_000:
            expected = None
        if act == "dispute" and invoice.has_seen_dispute("dp_1"):
            expected = None
        if act.endswith("the dispute") and ("dp_1" not in invoice.disputes or "dp_1" in invoice.closed_disputes):
            expected = None
        if expected is None:
            with pytest.raises(Refused):
                ACTS[act](invoice)
            assert _state(invoice) == before
        else:
            ACTS[act](invoice)
            assert (invoice.status, invoice.version) == (expected, before["version"] + 1)
    assert 0 <= invoice.amount_refunded_minor <= invoice.amount_paid_minor <= invoice.total_minor
    assert _state(Invoice.fold(invoice.id, invoice.tenant_id, invoice.recorded)) == _state(invoice)


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**7)), max_size=30))
def test_the_total_is_the_sum_of_the_lines(lines: list[tuple[int, int]]) -> None:
    invoice = draft()
    for quantity, unit_amount_minor in lines:
        with_line(invoice, quantity, unit_amount_minor)
    assert invoice.total_minor == sum(quantity * price for quantity, price in lines)
    assert invoice.total_minor == sum(line.amount_minor for line in invoice.lines)


def test_the_paid_amount_is_the_total() -> None:
    invoice = paid()
    assert (invoice.status, invoice.number, invoice.amount_paid_minor) == (PAID, 7, 24_690)


@pytest.mark.parametrize("empty", [draft, lambda: with_line(draft(), 3, 0)])
def test_an_empty_invoice_cannot_be_finalized(empty: Callable[[], Invoice]) -> None:
    with pytest.raises(InvoiceEmpty):
        empty().finalize(1, due_at=NOW, at=NOW)


def test_only_a_draft_accepts_lines_and_a_number() -> None:
    with pytest.raises(InvoiceNotDraft):
        with_line(opened())
    with pytest.raises(InvoiceNotDraft):
        opened().finalize(8, due_at=NOW, at=NOW)


@pytest.mark.parametrize("invoice", [draft(), paid()])
def test_only_an_open_invoice_can_be_paid_or_voided(invoice: Invoice) -> None:
    for act in ("pay", "fail", "void", "write off"):
        with pytest.raises(InvoiceNotOpen):
            ACTS[act](invoice)


def test_refunds_never_exceed_the_paid_amount() -> None:
    invoice = paid()
    invoice.refund(refund_of(invoice, 24_000), "requested", "re_1", NOW)
    with pytest.raises(RefundTooLarge) as refused:
        invoice.refund(refund_of(invoice, 691), "requested", "re_2", NOW)
    assert refused.value.facts == {"left_minor": 690}
    invoice.refund(refund_of(invoice, 690), "duplicate", "re_3", NOW)
    assert (invoice.refundable_minor, invoice.status) == (0, PAID)
    with pytest.raises(InvoiceNotPaid):
        opened().refund(refund_of(invoice, 1), "requested", "re_4", NOW)


def test_a_line_must_have_the_invoices_currency() -> None:
    with pytest.raises(Invalid):
        draft().add_line(uuid4(), "Loom", 1, Money(1, "USD"), NOW)


@pytest.mark.parametrize(("quantity", "price"), [(2**40, 2**40), (1, 2**63 - 1)])
def test_a_sum_beyond_64_bits_is_refused(quantity: int, price: int) -> None:
    invoice = with_line(draft(), 1, 1)
    with pytest.raises(Invalid):
        with_line(invoice, quantity, price)
    assert invoice.total_minor == 1


def test_an_invoice_has_a_maximum_total() -> None:
    invoice = with_line(draft(), 1, MAX_TOTAL_MINOR)
    with pytest.raises(TotalTooLarge):
        with_line(invoice, 1, 1)
    assert invoice.total_minor == MAX_TOTAL_MINOR


def test_an_invoice_has_a_maximum_of_lines() -> None:
    invoice = draft()
    for _ in range(MAX_LINES):
        with_line(invoice, 1, 1)
    with pytest.raises(TooManyLines):
        with_line(invoice, 1, 1)


def test_a_stale_expected_version_is_refused() -> None:
    invoice = with_line(draft())
    invoice.expect(2)
    with pytest.raises(ConcurrencyConflict):
        invoice.expect(1)


def test_each_event_of_an_invoice_is_projected() -> None:
    of_invoices = {kind for kind in EVENTS if kind.topic == "billing.invoice"}
    assert set(INVOICE_ROWS.handlers) == of_invoices | {CustomerErased}, "whose lines lose their texts"


def _state(invoice: Invoice) -> Mapping[str, Any]:
    return {name: value for name, value in vars(invoice).items() if name != "_recorded"}
