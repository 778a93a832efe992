"""A customer's debt: draft → open → paid | void | uncollectible."""

from datetime import datetime
from typing import ClassVar, Self, TypedDict
from uuid import UUID

from schemas.billing import (
    InvoiceCreated,
    InvoiceDiscarded,
    InvoiceFinalized,
    InvoiceLineAdded,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceRefunded,
    InvoiceVoided,
)
from services.billing.domain.attempts import PaymentAttempt
from services.billing.domain.errors import (
    InvoiceEmpty,
    InvoiceNotDraft,
    InvoiceNotOpen,
    InvoiceNotPaid,
    RefundTooLarge,
    TooManyLines,
)
from services.billing.domain.line import MAX_LINES, Line, require_in_bounds
from services.billing.domain.statuses import InvoiceStatus
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.currency import known_currency
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.kernel.money import Money


class _Identity(TypedDict):
    tenant_id: UUID
    invoice_id: UUID
    customer_id: UUID
    currency: str


class Invoice(Aggregate):
    aggregate_type: ClassVar[str] = "invoice"

    def __init__(self, id: UUID, tenant_id: TenantId) -> None:  # noqa: A002 - an aggregate's id is its id
        super().__init__(id, tenant_id)
        self.customer_id = id
        self.subscription_id: UUID | None = None
        self.currency = ""
        self.status = InvoiceStatus.DRAFT
        self.number: int | None = None
        self.lines: tuple[Line, ...] = ()
        self.total_minor = self.amount_paid_minor = self.amount_refunded_minor = 0
        self.created_at: datetime | None = None
        self.finalized_at: datetime | None = None
        self.due_at: datetime | None = None
        self.next_attempt_at: datetime | None = None
        self.last_failure: str | None = None

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

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)

    @property
    def refundable_minor(self) -> int:
        return self.amount_paid_minor - self.amount_refunded_minor

    def add_line(self, line_id: UUID, description: str, quantity: int, unit_amount: Money, at: datetime) -> None:
        """Raises InvoiceNotDraft, TooManyLines, TotalTooLarge, Invalid (currency, 64 bits)."""
        self._require_draft()
        if len(self.lines) >= MAX_LINES:
            raise TooManyLines
        amount = unit_amount * quantity
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
            )
        )

    def require_finalizable(self) -> None:
        """Raises InvoiceNotDraft, InvoiceEmpty, before a refused invoice would use a number."""
        self._require_draft()
        if self.total_minor == 0:
            raise InvoiceEmpty

    def finalize(self, number: int, *, due_at: datetime, at: datetime) -> None:
        """Raises InvoiceNotDraft, InvoiceEmpty."""
        self.require_finalizable()
        self.record(
            InvoiceFinalized(
                **self._identity(),
                number=number,
                total_minor=self.total_minor,
                due_at=due_at,
                finalized_at=at,
            )
        )

    def pay(self, attempt: PaymentAttempt, provider_charge_id: str, at: datetime) -> None:
        """Raises InvoiceNotOpen."""
        self.record(
            InvoicePaid(
                **self._identity(),
                number=self.require_open(),
                amount_minor=attempt.amount.amount_minor,
                attempt_id=attempt.id,
                attempt=attempt.number,
                provider_charge_id=provider_charge_id,
                paid_at=at,
            )
        )

    def fail_payment(
        self, attempt: PaymentAttempt, reason: str, *, next_attempt_at: datetime | None, at: datetime
    ) -> None:
        """Raises InvoiceNotOpen."""
        self.record(
            InvoicePaymentFailed(
                **self._identity(),
                number=self.require_open(),
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
                **self._identity(),
                number=self.require_open(),
                total_minor=self.total_minor,
                reason=reason,
                voided_at=at,
            )
        )

    def mark_uncollectible(self, attempts: int, at: datetime) -> None:
        """Raises InvoiceNotOpen."""
        self.record(
            InvoiceMarkedUncollectible(
                **self._identity(),
                number=self.require_open(),
                total_minor=self.total_minor,
                attempts=attempts,
                marked_at=at,
            )
        )

    def require_refundable(self, amount_minor: int) -> int:
        """Returns the invoice's number. Raises InvoiceNotPaid, RefundTooLarge."""
        if self.status is not InvoiceStatus.PAID or self.number is None:
            raise InvoiceNotPaid
        if amount_minor > self.refundable_minor:
            raise RefundTooLarge(f"at most {self.refundable_minor} can be refunded", left_minor=self.refundable_minor)
        return self.number

    def refund(self, refund: PaymentAttempt, reason: str, provider_refund_id: str, at: datetime) -> None:
        """Reason: requested, duplicate, fraudulent. Raises InvoiceNotPaid, RefundTooLarge."""
        self.record(
            InvoiceRefunded(
                **self._identity(),
                number=self.require_refundable(refund.amount.amount_minor),
                refund_id=refund.id,
                amount_minor=refund.amount.amount_minor,
                reason=reason,
                provider_refund_id=provider_refund_id,
                refunded_at=at,
            )
        )

    def require_open(self) -> int:
        """Returns the invoice's number. Raises InvoiceNotOpen."""
        if self.status is not InvoiceStatus.OPEN or self.number is None:
            raise InvoiceNotOpen
        return self.number

    def _identity(self) -> _Identity:
        return _Identity(
            tenant_id=self.tenant_id, invoice_id=self.id, customer_id=self.customer_id, currency=self.currency
        )

    def _require_draft(self) -> None:
        if self.status is not InvoiceStatus.DRAFT:
            raise InvoiceNotDraft

    def apply(self, event: Event) -> None:
        match event:
            case InvoiceCreated():
                self.customer_id, self.subscription_id = event.customer_id, event.subscription_id
                self.currency, self.created_at = event.currency, event.created_at
            case InvoiceLineAdded():
                self.lines = (*self.lines, Line.of(event))
                self.total_minor += event.amount_minor
            case InvoiceFinalized():
                self.status, self.number = InvoiceStatus.OPEN, event.number
                self.finalized_at, self.due_at = event.finalized_at, event.due_at
            case InvoicePaymentFailed():
                self.last_failure, self.next_attempt_at = event.reason, event.next_attempt_at
            case InvoicePaid(amount_minor=amount):
                self.status, self.amount_paid_minor, self.next_attempt_at = InvoiceStatus.PAID, amount, None
            case InvoiceVoided() | InvoiceDiscarded():
                self.status, self.next_attempt_at = InvoiceStatus.VOID, None
            case InvoiceMarkedUncollectible():
                self.status = InvoiceStatus.UNCOLLECTIBLE
            case InvoiceRefunded(amount_minor=amount):
                self.amount_refunded_minor += amount
            case _:
                raise TypeError(f"{event.type} is not an event of an invoice")
