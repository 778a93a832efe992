"""The books balance, whatever happens to an invoice."""

from collections import Counter
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain import Invoice
from services.billing.domain.ledger import Account, Entry, MonetaryEvent, Posting, Unbalanced, entry_of
from services.billing.projections.ledger import LEDGER_ROWS
from tests.unit.billing.invoices import NOW, charge_of, draft, opened, paid, refund_of, with_line
from waypost.kernel.money import Money


def balances(invoice: Invoice) -> dict[Account, int]:
    """Of the accounts that are not 0."""
    sums: Counter[Account] = Counter()
    for event in invoice.recorded:
        if isinstance(event, MonetaryEvent):
            for posting in entry_of(event).postings:
                sums[posting.account] += posting.amount.amount_minor
    assert sum(sums.values()) == 0
    return {account: amount for account, amount in sums.items() if amount}


def test_a_draft_is_not_in_the_books() -> None:
    assert balances(with_line(draft())) == {}


def test_an_open_invoice_is_owed() -> None:
    assert balances(opened()) == {Account.RECEIVABLE: 24_690, Account.REVENUE: -24_690}


def test_a_paid_one_is_cash_and_owed_no_more() -> None:
    assert balances(paid()) == {Account.CASH: 24_690, Account.REVENUE: -24_690}


def test_a_void_one_never_was() -> None:
    invoice = opened()
    invoice.void("requested", NOW)
    assert balances(invoice) == {}


def test_one_that_is_given_up_is_written_off() -> None:
    invoice = opened()
    invoice.fail_payment(charge_of(invoice), "card_declined", next_attempt_at=None, at=NOW)
    invoice.mark_uncollectible(4, NOW)
    assert balances(invoice) == {Account.WRITE_OFFS: 24_690, Account.REVENUE: -24_690}


@given(st.lists(st.integers(1, 5_000), max_size=4))
def test_what_is_given_back_leaves_the_cash(amounts: list[int]) -> None:
    invoice = paid()
    for amount in amounts:
        invoice.refund(refund_of(invoice, amount), "requested", "re_1", NOW)
    left = balances(invoice)
    assert left[Account.CASH] == 24_690 - sum(amounts)
    assert left.get(Account.REFUNDS, 0) == sum(amounts)


def test_an_entry_that_does_not_sum_to_0_cannot_be_made() -> None:
    with pytest.raises(Unbalanced):
        Entry((Posting(Account.CASH, Money(2, "EUR")), Posting(Account.REVENUE, Money(-1, "EUR"))))


def test_everything_that_moves_money_is_posted() -> None:
    assert set(LEDGER_ROWS.handlers) == set(get_args(MonetaryEvent))
