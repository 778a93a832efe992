"""Commands of the billing service. The API layer has checked shapes and supplied ids and times."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.billing.domain import (
    AttemptStatus,
    Customer,
    Invoice,
    PaymentAttempt,
    PaymentMethod,
    Period,
    Plan,
    Subscription,
    TaxRate,
)
from services.billing.ports import Decision, ProviderNotice
from waypost.kernel.command import Command
from waypost.kernel.ids import JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedCard:
    customer: Customer
    method: PaymentMethod
    is_new: bool
    """False if the customer had the card already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachPaymentMethod(Command[AttachedCard]):
    customer_id: UUID
    method: PaymentMethod
    """Its id is used if the card is new."""
    token: str = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CardCommand:
    """Common fields of the commands about an attached card."""

    customer_id: UUID
    payment_method_id: UUID
    expected_version: int | None = None
    """The version of the customer that the caller has seen (If-Match); None accepts any version."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeDefault(CardCommand, Command[Customer]):
    requested_by: UUID
    """The user who asks: only the customer chooses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachPaymentMethod(CardCommand, Command[Customer]):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateInvoice(Command[Invoice]):
    invoice_id: UUID
    customer_id: UUID
    currency: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCommand:
    """Common fields of the commands about an existing invoice."""

    invoice_id: UUID
    expected_version: int | None = None
    """The version that the caller has seen (If-Match); None accepts any version."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AddLine(InvoiceCommand, Command[Invoice]):
    line_id: UUID
    description: str
    quantity: int
    unit_amount_minor: int
    tax_rate_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizeInvoice(InvoiceCommand, Command[Invoice]):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidInvoice(InvoiceCommand, Command[Invoice]):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class PayInvoice(InvoiceCommand, Command[Invoice]):
    """Charges again now, before the next step of the dunning schedule."""

    attempt_id: UUID
    confined_to: UUID | None = None
    """The customer whose invoices a member may pay; None for all customers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundInvoice(InvoiceCommand, Command[Invoice]):
    refund_id: UUID
    amount_minor: int | None
    """None refunds the full remaining amount."""
    reason: str
    """`requested`, `duplicate` or `fraudulent`."""
    actor_id: UUID | None = None
    """The user who asks for it; a failure is mailed to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginCharge(Command[PaymentAttempt | None]):
    """Returns the attempt to execute, or None if there is nothing to charge (any more)."""

    invoice_id: UUID
    attempt_id: UUID
    requested_by: str
    """Each requester begins one attempt at most, also if the command is repeated."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDecision(Command[AttemptStatus | None]):
    """The provider's decision about an attempt. A repeated decision, or one about an unknown
    attempt, changes nothing. Returns the attempt's status afterwards; None for an unknown one.
    """

    attempt_id: UUID
    decision: Decision
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BookNotice(Command[None]):
    """A refund or a dispute that was made at the provider, of a charge of the bound tenant. Raises
    ChargeNotRecorded.
    """

    notice: ProviderNotice
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUnmatchedNotice(Command[None]):
    """A notice that belongs to no charge of any tenant. Raises ChargeNotRecorded."""

    notice: ProviderNotice
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonAttempt(Command[None]):
    """The provider does not know the attempt, and may have forgotten its key."""

    attempt_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSubscription(Command[Subscription]):
    subscription_id: UUID
    customer_id: UUID
    plan: Plan
    with_trial: bool = False
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCommand:
    """Common fields of the callers' commands about an existing subscription."""

    subscription_id: UUID
    expected_version: int | None = None
    """The version that the caller has seen (If-Match); None accepts any version."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlan(SubscriptionCommand, Command[Subscription]):
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSubscription(SubscriptionCommand, Command[Subscription]):
    at_period_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UncancelSubscription(SubscriptionCommand, Command[Subscription]):
    """Takes back a cancellation that has not taken effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewSubscription(Command[bool]):
    """Begins the next period if it is due, and returns whether it was. A repeated command returns
    False.
    """

    subscription_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReport(Command[JobId]):
    """Returns the id of the job that produces the report."""

    kind: str
    format: str
    period: Period
    asked_by: UUID
    customer_id: UUID | None
    """Limits the report to one customer; None for all customers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTaxRate(Command[TaxRate]):
    tax_rate_id: UUID
    name: str
    ppm: int
    """The percentage in millionths of the whole."""
    inclusive: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRateChange(Command[TaxRate]):
    tax_rate_id: UUID
    changed_by: UUID
    at: datetime


class ArchiveTaxRate(TaxRateChange):
    """New lines cannot name this rate."""


class MakeTaxRateDefault(TaxRateChange):
    """The invoices of subscriptions have this rate from now on."""


class RemoveDefaultTaxRate(TaxRateChange):
    """The invoices of subscriptions have no tax from now on."""
