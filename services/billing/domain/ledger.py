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
    """Invoiced amounts without tax."""
    TAX = "tax"
    """Invoiced tax, which the tenant owes to the state."""
    CASH = "cash"
    """Amounts that the provider holds for us."""
    REFUNDS = "refunds"
    """Refunded revenue, without tax."""
    WRITE_OFFS = "write_offs"
    DISPUTES = "disputes"
    """Amounts that the provider withdrew for the cardholder, with their tax."""


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

    @classmethod
    def taxed(cls, amount: Money, tax_minor: int, *, net: Account, gross: Account, sign: int) -> "Entry":
        """Debits `gross` with the amount, and credits `net` and TAX with its parts; with `sign` -1
        the reverse. Without tax there is no posting of TAX.
        """
        tax = Money(tax_minor, amount.currency)
        parts = [Posting(gross, amount * sign), Posting(net, (amount + tax * -1) * -sign)]
        return cls((*parts, Posting(Account.TAX, tax * -sign)) if tax_minor else tuple(parts))


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
            return _taxed(event, net=Account.REVENUE, gross=Account.RECEIVABLE, sign=+1)
        case InvoiceVoided(was_uncollectible=True):
            net = Money(event.total_minor - event.tax_minor, event.currency)  # the write-off reversed the tax
            return Entry.transfer(net, debit=Account.REVENUE, credit=Account.WRITE_OFFS)
        case InvoiceVoided():
            return _taxed(event, net=Account.REVENUE, gross=Account.RECEIVABLE, sign=-1)
        case InvoiceMarkedUncollectible():
            return _taxed(event, net=Account.WRITE_OFFS, gross=Account.RECEIVABLE, sign=-1)
        case InvoicePaid(was_uncollectible=True):
            return _taxed(event, net=Account.WRITE_OFFS, gross=Account.CASH, sign=+1)
        case InvoicePaid():
            return Entry.transfer(_amount(event), debit=Account.CASH, credit=Account.RECEIVABLE)
        case InvoiceRefunded():
            return _taxed(event, net=Account.REFUNDS, gross=Account.CASH, sign=-1)
        case InvoiceDisputed():
            return Entry.transfer(_amount(event), debit=Account.DISPUTES, credit=Account.CASH)
        case InvoiceRefundFailed(was_booked=True):
            return _taxed(event, net=Account.REFUNDS, gross=Account.CASH, sign=+1)
        case InvoiceDisputeClosed(outcome="won"):
            return Entry.transfer(_amount(event), debit=Account.CASH, credit=Account.DISPUTES)
        case InvoiceRefundFailed() | InvoiceDisputeClosed():
            return None


_OfTotal = InvoiceFinalized | InvoiceVoided | InvoiceMarkedUncollectible
_OfAmount = InvoicePaid | InvoiceRefunded | InvoiceRefundFailed
_Disputed = InvoiceDisputed | InvoiceDisputeClosed


def _taxed(event: _OfTotal | _OfAmount, *, net: Account, gross: Account, sign: int) -> Entry:
    return Entry.taxed(_amount(event), event.tax_minor, net=net, gross=gross, sign=sign)


def _amount(event: _OfTotal | _OfAmount | _Disputed) -> Money:
    return Money(event.total_minor if isinstance(event, _OfTotal) else event.amount_minor, event.currency)
