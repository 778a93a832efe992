"""A customer's debt: draft → open → paid | void | uncollectible; uncollectible → paid | void."""

from datetime import datetime
from typing import Self
from uuid import UUID

from schemas.billing import (
    InvoiceCreated,
    InvoiceFinalized,
    InvoiceLineAdded,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceVoided,
)
from services.billing.domain.attempts import PaymentAttempt
from services.billing.domain.errors import InvoiceEmpty, InvoiceNotOpen, TooManyLines
from services.billing.domain.invoice_reversals import InvoiceReversals
from services.billing.domain.line import MAX_LINES, copy_of, require_in_bounds
from services.billing.domain.statuses import InvoiceStatus
from services.billing.domain.tax import TaxRate, key_of
from waypost.kernel.currency import known_currency
from waypost.kernel.ids import TenantId
from waypost.kernel.money import Money


class Invoice(InvoiceReversals):
    @classmethod
    def create(
        cls,
        invoice_id: UUID,
        tenant_id: TenantId,
        *,
        customer_id: UUID,
        subscription_id: UUID | None = None,
        currency: str,
        at: datetime,
    ) -> Self:
        """Raises Invalid for an unknown currency."""
        invoice = cls(invoice_id, tenant_id)
        invoice.record(
            InvoiceCreated(
                tenant_id=tenant_id,
                invoice_id=invoice_id,
                customer_id=customer_id,
                subscription_id=subscription_id,
                currency=known_currency(currency),
                created_at=at,
            )
        )
        return invoice

    def add_line(
        self,
        line_id: UUID,
        description: str,
        quantity: int,
        unit_amount: Money,
        at: datetime,
        rate: TaxRate | None = None,
    ) -> None:
        """Without a rate the line has no tax. Raises InvoiceNotDraft, TooManyLines, TotalTooLarge,
        Invalid (currency, 64 bits).
        """
        self.require_draft()
        if len(self.lines) >= MAX_LINES:
            raise TooManyLines
        amount = unit_amount * quantity
        require_in_bounds(self.total + amount)  # before the tax: sums of large prices stay in 64 bits
        tax = self._tax_of_next_line(amount, rate)
        if rate and not rate.inclusive:
            amount += tax
            require_in_bounds(self.total + amount)
        self.record(
            InvoiceLineAdded(
                tenant_id=self.tenant_id,
                invoice_id=self.id,
                line_id=line_id,
                description=description,
                quantity=quantity,
                unit_amount_minor=unit_amount.amount_minor,
                amount_minor=amount.amount_minor,
                currency=amount.currency,
                added_at=at,
                tax_minor=tax.amount_minor,
                **copy_of(rate),
            )
        )

    def _tax_of_next_line(self, priced: Money, rate: TaxRate | None) -> Money:
        """The difference that the line makes to the rounded tax of its rate."""
        if rate is None:
            return Money.zero(priced.currency)
        before = sum(line.priced_minor for line in self.lines if line.tax and key_of(line.tax) == key_of(rate))
        return Money(rate.tax_in(before + priced.amount_minor) - rate.tax_in(before), priced.currency)

    def require_finalizable(self) -> None:
        """Raises InvoiceNotDraft, InvoiceEmpty, before a refused invoice would use a number."""
        self.require_draft()
        if self.total_minor == 0:
            raise InvoiceEmpty

    def finalize(self, number: int, *, due_at: datetime, at: datetime) -> None:
        """Raises InvoiceNotDraft, InvoiceEmpty."""
        self.require_finalizable()
        self.record(
            InvoiceFinalized(
                **self.identity(),
                number=number,
                total_minor=self.total_minor,
                due_at=due_at,
                finalized_at=at,
                tax_minor=self.tax_minor,
            )
        )

    def pay(self, attempt: PaymentAttempt, provider_charge_id: str, at: datetime) -> None:
        """Also pays a written-off invoice. Raises InvoiceNotOpen."""
        self.record(
            InvoicePaid(
                **self.identity(),
                number=self.require_owed(),
                amount_minor=attempt.amount.amount_minor,
                attempt_id=attempt.id,
                attempt=attempt.number,
                provider_charge_id=provider_charge_id,
                paid_at=at,
                was_uncollectible=self.status is InvoiceStatus.UNCOLLECTIBLE,
                tax_minor=self.tax_minor,
            )
        )

    def fail_payment(
        self, attempt: PaymentAttempt, reason: str, *, next_attempt_at: datetime | None, at: datetime
    ) -> None:
        """Raises InvoiceNotOpen."""
        self.record(
            InvoicePaymentFailed(
                **self.identity(),
                number=self.require_owed(),
                amount_minor=attempt.amount.amount_minor,
                attempt_id=attempt.id,
                attempt=attempt.number,
                reason=reason,
                next_attempt_at=next_attempt_at,
                failed_at=at,
            )
        )

    def void(self, reason: str, at: datetime) -> None:
        """Reason: `requested` or `erased`. Raises InvoiceNotOpen."""
        self.record(
            InvoiceVoided(
                **self.identity(),
                number=self.require_owed(),
                total_minor=self.total_minor,
                reason=reason,
                voided_at=at,
                was_uncollectible=self.status is InvoiceStatus.UNCOLLECTIBLE,
                tax_minor=self.tax_minor,
            )
        )

    def mark_uncollectible(self, attempts: int, at: datetime) -> None:
        """Raises InvoiceNotOpen."""
        self.record(
            InvoiceMarkedUncollectible(
                **self.identity(),
                number=self.require_open(),
                total_minor=self.total_minor,
                attempts=attempts,
                marked_at=at,
                tax_minor=self.tax_minor,
            )
        )

    def require_open(self) -> int:
        """Returns the invoice's number. Raises InvoiceNotOpen."""
        if self.status is not InvoiceStatus.OPEN or self.number is None:
            raise InvoiceNotOpen
        return self.number
