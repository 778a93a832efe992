"""The state of an invoice, folded from its events, and the checks before its changes."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, TypedDict
from uuid import UUID

from schemas.billing import (
    InvoiceCreated,
    InvoiceDiscarded,
    InvoiceDisputeClosed,
    InvoiceDisputed,
    InvoiceFinalized,
    InvoiceLineAdded,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceRefunded,
    InvoiceRefundFailed,
    InvoiceVoided,
)
from services.billing.domain.dunning import DunningState
from services.billing.domain.errors import InvoiceNotDraft, InvoiceNotOpen
from services.billing.domain.line import Line
from services.billing.domain.statuses import InvoiceStatus
from services.billing.domain.tax import TaxTotal, tax_totals
from waypost.kernel.aggregate import Aggregate
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.kernel.money import Money


class Identity(TypedDict):
    """The fields that most events of an invoice share."""

    tenant_id: UUID
    invoice_id: UUID
    customer_id: UUID
    currency: str


class InvoiceState(Aggregate):
    aggregate_type: ClassVar[str] = "invoice"

    def __init__(self, id: UUID, tenant_id: TenantId) -> None:  # noqa: A002 - an aggregate's id is its id
        super().__init__(id, tenant_id)
        self.customer_id = id
        self.subscription_id: UUID | None = None
        self.currency = ""
        self.status = InvoiceStatus.DRAFT
        self.number: int | None = None
        self.lines: tuple[Line, ...] = ()
        self.total_minor = self.tax_minor = self.amount_paid_minor = 0
        self.refunds: dict[UUID, int] = {}
        """The amount of each refund that reached the customer."""
        self.refunded_taxes: dict[UUID, int] = {}
        """The tax in each of these refunds."""
        self.disputes: dict[str, int] = {}
        """The amount of each dispute that is open or lost, by the provider's id."""
        self.closed_disputes: frozenset[str] = frozenset()
        self.created_at: datetime | None = None
        self.finalized_at: datetime | None = None
        self.due_at: datetime | None = None
        self.written_off_at: datetime | None = None
        self.next_attempt_at: datetime | None = None
        self.last_failure: str | None = None
        self.dunning = DunningState()

    @property
    def person_id(self) -> UUID:
        """The texts of the lines belong to the customer."""
        return self.customer_id

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)

    @property
    def subtotal_minor(self) -> int:
        """The total without tax."""
        return self.total_minor - self.tax_minor

    @property
    def taxes(self) -> Sequence[TaxTotal]:
        return tax_totals(self.lines)

    @property
    def amount_refunded_minor(self) -> int:
        return sum(self.refunds.values())

    @property
    def refunded_tax_minor(self) -> int:
        """The tax in `amount_refunded_minor`."""
        return sum(self.refunded_taxes.values())

    @property
    def amount_disputed_minor(self) -> int:
        return sum(self.disputes.values())

    @property
    def refundable_minor(self) -> int:
        return self.amount_paid_minor - self.amount_refunded_minor - self.amount_disputed_minor

    @property
    def is_owed(self) -> bool:
        """Whether the invoice can be paid or voided: open, or written off."""
        return self.status in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)

    def require_owed(self) -> int:
        """Returns the invoice's number. Raises InvoiceNotOpen."""
        if not self.is_owed or self.number is None:
            raise InvoiceNotOpen
        return self.number

    def require_draft(self) -> None:
        """Raises InvoiceNotDraft."""
        if self.status is not InvoiceStatus.DRAFT:
            raise InvoiceNotDraft

    def identity(self) -> Identity:
        return {
            "tenant_id": self.tenant_id,
            "invoice_id": self.id,
            "customer_id": self.customer_id,
            "currency": self.currency,
        }

    def apply(self, event: Event) -> None:
        match event:
            case InvoiceCreated():
                self.customer_id, self.subscription_id = event.customer_id, event.subscription_id
                self.currency, self.created_at = event.currency, event.created_at
            case InvoiceLineAdded():
                self.lines = (*self.lines, Line.of(event))
                self.total_minor += event.amount_minor
                self.tax_minor += event.tax_minor
            case InvoiceFinalized():
                self.status, self.number = InvoiceStatus.OPEN, event.number
                self.finalized_at, self.due_at = event.finalized_at, event.due_at
            case InvoicePaymentFailed():
                self.last_failure, self.next_attempt_at = event.reason, event.next_attempt_at
                self.dunning = self.dunning.after(event.failed_at, event.next_attempt_at)
            case InvoicePaid(amount_minor=amount):
                self.status, self.amount_paid_minor, self.next_attempt_at = InvoiceStatus.PAID, amount, None
            case InvoiceVoided() | InvoiceDiscarded():
                self.status, self.next_attempt_at = InvoiceStatus.VOID, None
            case InvoiceMarkedUncollectible():
                self.status, self.written_off_at = InvoiceStatus.UNCOLLECTIBLE, event.marked_at
            case InvoiceRefunded() | InvoiceRefundFailed() | InvoiceDisputed() | InvoiceDisputeClosed():
                self._apply_reversal(event)
            case _:
                raise TypeError(f"{event.type} is not an event of an invoice")

    def _apply_reversal(
        self, event: InvoiceRefunded | InvoiceRefundFailed | InvoiceDisputed | InvoiceDisputeClosed
    ) -> None:
        match event:
            case InvoiceRefunded():
                self.refunds = {**self.refunds, event.refund_id: event.amount_minor}
                self.refunded_taxes = {**self.refunded_taxes, event.refund_id: event.tax_minor}
            case InvoiceRefundFailed():
                self.refunds = {key: amount for key, amount in self.refunds.items() if key != event.refund_id}
                self.refunded_taxes = {key: tax for key, tax in self.refunded_taxes.items() if key in self.refunds}
            case InvoiceDisputed():
                self.disputes = {**self.disputes, event.dispute_id: event.amount_minor}
            case InvoiceDisputeClosed():
                self.closed_disputes |= {event.dispute_id}
                if event.outcome == "won":
                    self.disputes = {key: amount for key, amount in self.disputes.items() if key != event.dispute_id}
