"""Double-entry bookkeeping: each event that moves money is one entry whose postings sum to 0."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemas.billing import (
    InvoiceDisputeClosed,
    InvoiceDisputed,
    InvoiceFinalized,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoiceRefunded,
    InvoiceRefundFailed,
    InvoiceVoided,
)
from waypost.kernel.errors import Permanent
from waypost.kernel.money import Money


class Account(StrEnum):
    RECEIVABLE = "receivable"
    """Amounts that customers owe."""
    REVENUE = "revenue"
    CASH = "cash"
    """Amounts that the provider holds for us."""
    REFUNDS = "refunds"
    """Refunded revenue."""
    WRITE_OFFS = "write_offs"
    DISPUTES = "disputes"
    """Amounts that the provider withdrew for the cardholder."""


class Unbalanced(Permanent):
    """An entry's postings do not sum to 0."""


@dataclass(frozen=True, slots=True)
class Posting:
    account: Account
    amount: Money
    """Debits are positive, credits negative."""


@dataclass(frozen=True, slots=True)
class Entry:
    postings: Sequence[Posting]

    def __post_init__(self) -> None:
        if sum(
            (posting.amount for posting in self.postings), Money.zero(self.postings[0].amount.currency)
        ).amount_minor:
            raise Unbalanced

    @classmethod
    def transfer(cls, amount: Money, *, debit: Account, credit: Account) -> "Entry":
        return cls((Posting(debit, amount), Posting(credit, amount * -1)))


MonetaryEvent = (
    InvoiceFinalized
    | InvoicePaid
    | InvoiceVoided
    | InvoiceMarkedUncollectible
    | InvoiceRefunded
    | InvoiceRefundFailed
    | InvoiceDisputed
    | InvoiceDisputeClosed
)


def entry_of(event: MonetaryEvent) -> Entry | None:
    """The ledger entry of an event. None if the event moved no money: a refund that failed before
    it was booked, and a lost dispute, whose amount was withdrawn when it was opened.
    """
    match event:
        case InvoiceFinalized():
            return Entry.transfer(_total(event), debit=Account.RECEIVABLE, credit=Account.REVENUE)
        case InvoiceVoided():
            return Entry.transfer(_total(event), debit=Account.REVENUE, credit=_owed(event))
        case InvoiceMarkedUncollectible():
            return Entry.transfer(_total(event), debit=Account.WRITE_OFFS, credit=Account.RECEIVABLE)
        case InvoicePaid():
            return Entry.transfer(_amount(event), debit=Account.CASH, credit=_owed(event))
        case InvoiceRefunded():
            return Entry.transfer(_amount(event), debit=Account.REFUNDS, credit=Account.CASH)
        case InvoiceDisputed():
            return Entry.transfer(_amount(event), debit=Account.DISPUTES, credit=Account.CASH)
        case InvoiceRefundFailed(was_booked=True):
            return Entry.transfer(_amount(event), debit=Account.CASH, credit=Account.REFUNDS)
        case InvoiceDisputeClosed(outcome="won"):
            return Entry.transfer(_amount(event), debit=Account.CASH, credit=Account.DISPUTES)
        case InvoiceRefundFailed() | InvoiceDisputeClosed():
            return None


def _owed(event: InvoicePaid | InvoiceVoided) -> Account:
    """The account on which the amount was owed."""
    return Account.WRITE_OFFS if event.was_uncollectible else Account.RECEIVABLE


def _total(event: InvoiceFinalized | InvoiceVoided | InvoiceMarkedUncollectible) -> Money:
    return Money(event.total_minor, event.currency)


def _amount(
    event: InvoicePaid | InvoiceRefunded | InvoiceRefundFailed | InvoiceDisputed | InvoiceDisputeClosed,
) -> Money:
    return Money(event.amount_minor, event.currency)
