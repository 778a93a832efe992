"""An invoice and its ledger against a simple model of debt and cash."""

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from math import floor
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.billing.domain import Invoice, InvoiceStatus, PaymentAttempt, TaxRate
from services.billing.domain.ledger import Account, MonetaryEvent, entry_of
from tests.unit.billing.invoices import NOW, charge_of, draft, refund_of, tax_rate, with_line
from waypost.kernel.errors import Refused
from waypost.kernel.money import Money

OPEN, UNCOLLECTIBLE, PAID = InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE, InvoiceStatus.PAID

amounts = st.integers(1, 2_000)
RATES = (None, tax_rate("19"), tax_rate("7", inclusive=True), tax_rate("0"))


def rounded(rate: TaxRate, priced: int) -> int:
    whole = 10**6 + (rate.ppm if rate.inclusive else 0)
    return floor(Fraction(priced * rate.ppm, whole) + Fraction(1, 2))


class InvoiceAgainstModel(RuleBasedStateMachine):
    """Each rule is tried in each status; the model knows whether the
    invoice has to allow it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.invoice: Invoice = draft()
        self.status = "draft"
        self.priced: dict[TaxRate | None, int] = {}
        self.held = 0
        self.refunded: dict[PaymentAttempt, int] = {}
        self.open_disputes: dict[str, int] = {}
        self.lost = 0

    @property
    def tax(self) -> int:
        return sum(rounded(rate, priced) for rate, priced in self.priced.items() if rate)

    @property
    def total(self) -> int:
        added = sum(rounded(rate, priced) for rate, priced in self.priced.items() if rate and not rate.inclusive)
        return sum(self.priced.values()) + added

    def attempt(self, allowed: bool, act: Callable[[], object]) -> bool:
        """Runs the act. It succeeds exactly if the model allows it; a refusal records nothing."""
        before = self.invoice.version
        if not allowed:
            with pytest.raises(Refused):
                act()
            assert self.invoice.version == before
            return False
        act()
        return True

    @rule(amount=amounts, rate=st.sampled_from(RATES))
    def add_line(self, amount: int, rate: TaxRate | None) -> None:
        if self.attempt(self.status == "draft", lambda: with_line(self.invoice, 1, amount, rate)):
            self.priced[rate] = self.priced.get(rate, 0) + amount

    @rule()
    def finalize(self) -> None:
        allowed = self.status == "draft" and self.total > 0
        if self.attempt(allowed, lambda: self.invoice.finalize(1, due_at=NOW, at=NOW)):
            self.status = "owed"

    @rule()
    def decline(self) -> None:
        declined = lambda: self.invoice.fail_payment(  # noqa: E731
            charge_of(self.invoice), "card_declined", next_attempt_at=None, at=NOW
        )
        self.attempt(self.status in ("owed", "written off"), declined)

    @rule()
    def write_off(self) -> None:
        if self.attempt(self.status == "owed", lambda: self.invoice.mark_uncollectible(5, NOW)):
            self.status = "written off"

    @rule()
    def pay(self) -> None:
        allowed = self.status in ("owed", "written off")
        if self.attempt(allowed, lambda: self.invoice.pay(charge_of(self.invoice), "ch_1", NOW)):
            self.status, self.held = "paid", self.total

    @rule()
    def void(self) -> None:
        allowed = self.status in ("owed", "written off")
        if self.attempt(allowed, lambda: self.invoice.void("requested", NOW)):
            self.status = "void"

    @rule(amount=amounts)
    def refund(self, amount: int) -> None:
        refund = refund_of(self.invoice, amount)
        allowed = self.status == "paid" and amount <= self.held
        if self.attempt(allowed, lambda: self.invoice.refund(refund, "requested", "re_1", NOW)):
            self.refunded[refund] = amount
            self.held -= amount

    @rule(amount=amounts, booked=st.booleans())
    def fail_refund(self, amount: int, booked: bool) -> None:
        refund = next(iter(self.refunded), None) if booked else None
        refund = refund or refund_of(self.invoice, amount)
        act = lambda: self.invoice.fail_refund(refund, "lost_card", requested_by=None, at=NOW)  # noqa: E731
        if self.attempt(self.status == "paid", act):
            self.held += self.refunded.pop(refund, 0)

    @rule(amount=amounts)
    def dispute(self, amount: int) -> None:
        name = f"dp_{uuid4()}"
        allowed = self.status == "paid" and amount <= self.held
        if self.attempt(allowed, lambda: self.invoice.dispute(name, Money(amount, "EUR"), "fraudulent", NOW)):
            self.open_disputes[name] = amount
            self.held -= amount

    @precondition(lambda self: self.open_disputes)
    @rule(won=st.booleans())
    def close_dispute(self, won: bool) -> None:
        name, amount = self.open_disputes.popitem()
        self.invoice.close_dispute(name, won=won, at=NOW)
        self.held += amount if won else 0
        self.lost += 0 if won else amount
        self.attempt(False, lambda: self.invoice.close_dispute(name, won=won, at=NOW))

    @invariant()
    def the_ledger_is_the_model(self) -> None:
        sums: Counter[Account] = Counter()
        for event in self.invoice.recorded:
            if isinstance(event, MonetaryEvent) and (entry := entry_of(event)) is not None:
                for posting in entry.postings:
                    sums[posting.account] += posting.amount.amount_minor
        assert sum(sums.values()) == 0
        assert sums[Account.RECEIVABLE] == (self.total if self.status == "owed" else 0)
        net = self.total - self.tax
        assert sums[Account.WRITE_OFFS] == (net if self.status == "written off" else 0)
        assert sums[Account.CASH] == self.held
        tax_left = -sums[Account.TAX] if self.status == "paid" else self.tax
        assert sums[Account.REFUNDS] + self.tax - tax_left == sum(self.refunded.values())
        assert 0 <= tax_left <= self.total - sum(self.refunded.values())
        assert -sums[Account.TAX] == (tax_left if self.status in ("owed", "paid") else 0)
        if self.status == "paid" and not self.refunded:
            assert tax_left == self.tax
        if self.status == "paid" and sum(self.refunded.values()) == self.total:
            assert tax_left == 0
        assert sums[Account.DISPUTES] == sum(self.open_disputes.values()) + self.lost
        owed_or_paid = self.status in ("owed", "written off", "paid")
        assert -sums[Account.REVENUE] == (net if owed_or_paid else 0)

    @invariant()
    def the_invoice_is_the_model(self) -> None:
        names = {"draft": InvoiceStatus.DRAFT, "owed": OPEN, "written off": UNCOLLECTIBLE, "paid": PAID}
        assert self.invoice.status is names.get(self.status, InvoiceStatus.VOID)
        assert (self.invoice.total_minor, self.invoice.tax_minor) == (self.total, self.tax)
        assert self.invoice.refundable_minor == self.held
        assert self.invoice.amount_refunded_minor == sum(self.refunded.values())
        assert self.invoice.amount_disputed_minor == sum(self.open_disputes.values()) + self.lost
        folded = Invoice.fold(self.invoice.id, self.invoice.tenant_id, self.invoice.recorded)
        assert (folded.status, folded.refundable_minor) == (self.invoice.status, self.held)


InvoiceAgainstModel.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestInvoiceAgainstModel = InvoiceAgainstModel.TestCase
