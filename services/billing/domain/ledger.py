"""Double-entry bookkeeping: each event that moves money is one entry whose postings sum to 0."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemas.billing import (
    InvoiceFinalized,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoiceRefunded,
    InvoiceVoided,
)
from shared.kernel.errors import Permanent
from shared.kernel.money import Money


class Account(StrEnum):
    RECEIVABLE = "receivable"
    """What customers owe."""
    REVENUE = "revenue"
    CASH = "cash"
    """What the provider holds for us."""
    REFUNDS = "refunds"
    """Revenue given back."""
    WRITE_OFFS = "write_offs"


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
        if sum((each.amount for each in self.postings), Money.zero(self.postings[0].amount.currency)).amount_minor:
            raise Unbalanced

    @classmethod
    def transfer(cls, amount: Money, *, debit: Account, credit: Account) -> "Entry":
        return cls((Posting(debit, amount), Posting(credit, amount * -1)))


MonetaryEvent = InvoiceFinalized | InvoicePaid | InvoiceVoided | InvoiceMarkedUncollectible | InvoiceRefunded


def entry_of(event: MonetaryEvent) -> Entry:
    """What an event means for the books."""
    match event:
        case InvoiceFinalized(total_minor=minor):
            sides = (Account.RECEIVABLE, Account.REVENUE)
        case InvoiceVoided(total_minor=minor):
            sides = (Account.REVENUE, Account.RECEIVABLE)
        case InvoicePaid(amount_minor=minor):
            sides = (Account.CASH, Account.RECEIVABLE)
        case InvoiceMarkedUncollectible(total_minor=minor):
            sides = (Account.WRITE_OFFS, Account.RECEIVABLE)
        case InvoiceRefunded(amount_minor=minor):
            sides = (Account.REFUNDS, Account.CASH)
    return Entry.transfer(Money(minor, event.currency), debit=sides[0], credit=sides[1])
