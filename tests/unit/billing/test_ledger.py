"""The ledger balances after each event of an invoice."""

from collections import Counter
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain import Invoice
from services.billing.domain.ledger import Account, Entry, MonetaryEvent, Posting, Unbalanced, entry_of
from services.billing.projections.ledger import LEDGER_ROWS
from tests.unit.billing.invoices import NOW, charge_of, draft, opened, paid, refund_of, tax_rate, with_line
from waypost.kernel.money import Money


def balances(invoice: Invoice) -> dict[Account, int]:
    """Balances that are not 0."""
    sums: Counter[Account] = Counter()
    for event in invoice.recorded:
        if isinstance(event, MonetaryEvent):
            entry = entry_of(event)
            for posting in () if entry is None else entry.postings:
                sums[posting.account] += posting.amount.amount_minor
    assert sum(sums.values()) == 0
    return {account: amount for account, amount in sums.items() if amount}


def test_a_draft_has_no_ledger_entry() -> None:
    assert balances(with_line(draft())) == {}


def test_an_open_invoice_is_a_receivable() -> None:
    assert balances(opened()) == {Account.RECEIVABLE: 24_690, Account.REVENUE: -24_690}


def test_a_paid_invoice_moves_the_receivable_to_cash() -> None:
    assert balances(paid()) == {Account.CASH: 24_690, Account.REVENUE: -24_690}


def test_a_void_invoice_reverses_its_entry() -> None:
    invoice = opened()
    invoice.void("requested", NOW)
    assert balances(invoice) == {}


def test_an_uncollectible_invoice_is_written_off() -> None:
    invoice = opened()
    invoice.fail_payment(charge_of(invoice), "card_declined", next_attempt_at=None, at=NOW)
    invoice.mark_uncollectible(4, NOW)
    assert balances(invoice) == {Account.WRITE_OFFS: 24_690, Account.REVENUE: -24_690}


@given(st.lists(st.integers(1, 5_000), max_size=4))
def test_a_refund_reduces_cash(amounts: list[int]) -> None:
    invoice = paid()
    for amount in amounts:
        invoice.refund(refund_of(invoice, amount), "requested", "re_1", NOW)
    left = balances(invoice)
    assert left[Account.CASH] == 24_690 - sum(amounts)
    assert left.get(Account.REFUNDS, 0) == sum(amounts)


def test_an_unbalanced_entry_is_refused() -> None:
    with pytest.raises(Unbalanced):
        Entry((Posting(Account.CASH, Money(2, "EUR")), Posting(Account.REVENUE, Money(-1, "EUR"))))


def test_each_money_event_is_posted() -> None:
    assert set(LEDGER_ROWS.handlers) == set(get_args(MonetaryEvent))


def taxed(act: str) -> Invoice:
    """An invoice over 119.00 with 19.00 tax, after its finalization and these acts."""
    invoice = with_line(draft(), 1, 10_000, tax_rate("19"))
    invoice.finalize(7, due_at=NOW, at=NOW)
    for step in act.split():
        match step:
            case "void":
                invoice.void("requested", NOW)
            case "write-off":
                invoice.mark_uncollectible(4, NOW)
            case "pay":
                invoice.pay(charge_of(invoice), "ch_1", NOW)
            case "refund":
                invoice.refund(refund_of(invoice, 5_950), "requested", "re_1", NOW)
    return invoice


@pytest.mark.parametrize(
    ("act", "left"),
    [
        ("", {Account.RECEIVABLE: 11_900, Account.REVENUE: -10_000, Account.TAX: -1_900}),
        ("void", {}),
        ("write-off", {Account.WRITE_OFFS: 10_000, Account.REVENUE: -10_000}),
        ("write-off void", {}),
        ("write-off pay", {Account.CASH: 11_900, Account.REVENUE: -10_000, Account.TAX: -1_900}),
        ("pay", {Account.CASH: 11_900, Account.REVENUE: -10_000, Account.TAX: -1_900}),
        (
            "pay refund",
            {Account.CASH: 5_950, Account.REFUNDS: 5_000, Account.REVENUE: -10_000, Account.TAX: -950},
        ),
        ("pay refund refund", {Account.REFUNDS: 10_000, Account.REVENUE: -10_000}),
    ],
)
def test_tax_is_never_revenue(act: str, left: dict[Account, int]) -> None:
    assert balances(taxed(act)) == left


def test_a_failed_refund_restores_its_tax() -> None:
    invoice = taxed("pay")
    refund = refund_of(invoice, 5_950)
    invoice.refund(refund, "requested", "re_1", NOW)
    invoice.fail_refund(refund, "lost_card", requested_by=None, at=NOW)
    assert balances(invoice) == balances(taxed("pay"))
    invoice.refund(refund_of(invoice, 11_900), "requested", "re_2", NOW)
    assert balances(invoice) == balances(taxed("pay refund refund"))
