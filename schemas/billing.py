"""Events that billing publishes. Generated from the schemas by `waypost schemas generate`; edit
the .avsc files.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from waypost.kernel.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerCreated(Event):
    """A user became a customer who can be invoiced."""

    type: ClassVar[str] = "customer.created"
    topic: ClassVar[str] = "billing.customer"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset({"email", "display_name"})

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    customer_id: UUID
    """The customer; key of the record. It is the user's id."""
    email: str = field(repr=False)
    """Email address on invoices."""
    display_name: str = field(repr=False)
    """Name on invoices."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    created_at: datetime
    """Time of the event."""
    personal_ciphertext: bytes = field(default=b"", repr=False)
    """The personal fields, encrypted with the key of the person; they are then empty. Empty if
    they are not encrypted, or erased.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerErased(Event):
    """Billing erased the customer's personal data. Records required by law are kept under the id
    only. The last event of this customer.
    """

    type: ClassVar[str] = "customer.erased"
    topic: ClassVar[str] = "billing.customer"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    customer_id: UUID
    """The customer; key of the record. It is the user's id."""
    erased_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerInvoiceWrittenOff(Event):
    """An invoice of the customer was written off. The customer is in arrears until every such
    invoice is settled.
    """

    type: ClassVar[str] = "customer.invoice_written_off"
    topic: ClassVar[str] = "billing.customer"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    customer_id: UUID
    """The customer; key of the record. It is the user's id."""
    invoice_id: UUID
    """The invoice."""
    outstanding: int
    """Number of the customer's written-off invoices after this event. Above 0 the customer is in
    arrears.
    """
    written_off_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerUpdated(Event):
    """The customer's details changed. The event contains all details, changed or not."""

    type: ClassVar[str] = "customer.updated"
    topic: ClassVar[str] = "billing.customer"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset({"email", "display_name"})

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    customer_id: UUID
    """The customer; key of the record. It is the user's id."""
    email: str = field(repr=False)
    """Email address on invoices."""
    display_name: str = field(repr=False)
    """Name on invoices."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    updated_at: datetime
    """Time of the event."""
    personal_ciphertext: bytes = field(default=b"", repr=False)
    """The personal fields, encrypted with the key of the person; they are then empty. Empty if
    they are not encrypted, or erased.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerWriteOffSettled(Event):
    """A written-off invoice was paid or voided afterwards."""

    type: ClassVar[str] = "customer.write_off_settled"
    topic: ClassVar[str] = "billing.customer"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    customer_id: UUID
    """The customer; key of the record. It is the user's id."""
    invoice_id: UUID
    """The invoice."""
    outstanding: int
    """Number of the customer's written-off invoices after this event. Above 0 the customer is in
    arrears.
    """
    settled_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethodAttached(Event):
    """A card was attached to the customer and is the default payment method from now on."""

    type: ClassVar[str] = "payment_method.attached"
    topic: ClassVar[str] = "billing.customer"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset({"last4"})

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    customer_id: UUID
    """The customer; key of the record. It is the user's id."""
    payment_method_id: UUID
    """Id of the payment method. The provider's token stays in billing's database."""
    brand: str
    """Brand of the card in lower case, such as visa."""
    last4: str = field(repr=False)
    """Last four digits of the card number."""
    attached_at: datetime
    """Time of the event."""
    personal_ciphertext: bytes = field(default=b"", repr=False)
    """The personal fields, encrypted with the key of the person; they are then empty. Empty if
    they are not encrypted, or erased.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethodDetached(Event):
    """A card was detached from the customer."""

    type: ClassVar[str] = "payment_method.detached"
    topic: ClassVar[str] = "billing.customer"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    customer_id: UUID
    """The customer; key of the record. It is the user's id."""
    payment_method_id: UUID
    """Id of the payment method. The provider's token stays in billing's database."""
    detached_at: datetime
    """Time of the event."""
    default_payment_method_id: UUID | None = None
    """The default payment method from now on: of the remaining cards, the one that was attached
    or chosen last; null without a card.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethodMadeDefault(Event):
    """The customer chose another of the cards as the default payment method."""

    type: ClassVar[str] = "payment_method.made_default"
    topic: ClassVar[str] = "billing.customer"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    customer_id: UUID
    """The customer; key of the record. It is the user's id."""
    payment_method_id: UUID
    """Id of the payment method. The provider's token stays in billing's database."""
    made_default_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCreated(Event):
    """A draft invoice was created, without number and lines."""

    type: ClassVar[str] = "invoice.created"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    subscription_id: UUID | None = None
    """The subscription whose period is invoiced; null for a manual invoice."""
    currency: str
    """ISO 4217 code of all lines."""
    created_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDiscarded(Event):
    """A draft was discarded. It never had a number, and nothing was due."""

    type: ClassVar[str] = "invoice.discarded"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """The customer of the draft."""
    currency: str
    """ISO 4217 code of all lines."""
    reason: str
    """Reason, one of: erased."""
    discarded_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDisputeClosed(Event):
    """A dispute was decided. If it was won, the provider returned the amount."""

    type: ClassVar[str] = "invoice.dispute_closed"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    number: int
    """Number of the invoice: 1, 2, 3 … without gaps within the tenant."""
    dispute_id: str
    """Id of the dispute at the provider."""
    amount_minor: int
    """Amount of the dispute."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    outcome: str
    """Outcome, one of: won, lost."""
    closed_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDisputed(Event):
    """The cardholder disputed the charge, and the provider withdrew the amount."""

    type: ClassVar[str] = "invoice.disputed"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    number: int
    """Number of the invoice: 1, 2, 3 … without gaps within the tenant."""
    dispute_id: str
    """Id of the dispute at the provider."""
    amount_minor: int
    """Amount that the provider withdrew."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    reason: str
    """Reason, as the provider reports it."""
    disputed_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFinalized(Event):
    """The invoice was finalized: it has a number, is due, and never changes again."""

    type: ClassVar[str] = "invoice.finalized"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    number: int
    """Number of the invoice: 1, 2, 3 … without gaps within the tenant."""
    total_minor: int
    """Sum of the lines with their tax, the amount due."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    due_at: datetime
    """Due date."""
    finalized_at: datetime
    """Time of the event."""
    tax_minor: int = 0
    """Tax in the total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLineAdded(Event):
    """A line was added to the draft."""

    type: ClassVar[str] = "invoice.line_added"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 3
    personal: ClassVar[frozenset[str]] = frozenset({"description"})

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    line_id: UUID
    """The line, unique within the invoice."""
    description: str = field(repr=False)
    """Description on the invoice."""
    quantity: int
    """Quantity, at least 1."""
    unit_amount_minor: int
    """Price per unit."""
    amount_minor: int
    """What the line adds to the total: quantity multiplied by the price per unit, plus the tax
    that the price does not include.
    """
    currency: str
    """ISO 4217 code of every amount in this record."""
    added_at: datetime
    """Time of the event."""
    personal_ciphertext: bytes = field(default=b"", repr=False)
    """The personal fields, encrypted with the key of the person; they are then empty. Empty if
    they are not encrypted, or erased.
    """
    tax_minor: int = 0
    """Tax in the amount of the line."""
    tax_rate_id: UUID | None = None
    """The tax rate of the line, whose name and percentage are copied here; null for a line
    without tax.
    """
    tax_name: str = ""
    """Name of the tax rate, such as VAT."""
    tax_rate_ppm: int = 0
    """The tax rate in millionths: 190000 is 19 %."""
    tax_inclusive: bool = False
    """True if the price per unit includes the tax, false if the tax is added to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceMarkedUncollectible(Event):
    """All payment attempts failed. The amount is written off, and the account will be suspended."""

    type: ClassVar[str] = "invoice.marked_uncollectible"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    number: int
    """Number of the invoice: 1, 2, 3 … without gaps within the tenant."""
    total_minor: int
    """Amount written off."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    attempts: int
    """Number of payment attempts."""
    marked_at: datetime
    """Time of the event."""
    tax_minor: int = 0
    """Tax in the amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaid(Event):
    """The provider collected the payment, and nothing is due any more."""

    type: ClassVar[str] = "invoice.paid"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 3
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    number: int
    """Number of the invoice: 1, 2, 3 … without gaps within the tenant."""
    amount_minor: int
    """Amount paid, the total of the invoice."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    attempt_id: UUID
    """The payment attempt that succeeded."""
    attempt: int
    """Number of the attempt, from 1."""
    provider_charge_id: str
    """Id of the charge at the provider."""
    paid_at: datetime
    """Time of the event."""
    was_uncollectible: bool = False
    """True if the invoice had been written off."""
    tax_minor: int = 0
    """Tax in the amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaymentFailed(Event):
    """The provider refused one payment attempt. The invoice is still due."""

    type: ClassVar[str] = "invoice.payment_failed"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    number: int
    """Number of the invoice: 1, 2, 3 … without gaps within the tenant."""
    amount_minor: int
    """Amount of the attempt."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    attempt_id: UUID
    """The payment attempt that succeeded."""
    attempt: int
    """Number of the attempt, from 1."""
    reason: str
    """Reason code of the provider, such as card_declined or insufficient_funds, or
    no_payment_method or abandoned, which are our own.
    """
    next_attempt_at: datetime | None = None
    """Time of the next attempt; null if there is none."""
    failed_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRefundFailed(Event):
    """A refund failed at the provider: the customer has not received the money."""

    type: ClassVar[str] = "invoice.refund_failed"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    number: int
    """Number of the invoice: 1, 2, 3 … without gaps within the tenant."""
    refund_id: UUID
    """The refund, unique within the tenant."""
    amount_minor: int
    """Amount of the refund."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    reason: str
    """Reason of the failure, as the provider reports it; or abandoned."""
    requested_by: UUID | None = None
    """The user who requested the refund; null for a refund that was made at the provider."""
    was_booked: bool
    """True if invoice.refunded was recorded before: the amount counts as paid again."""
    failed_at: datetime
    """Time of the event."""
    tax_minor: int = 0
    """Tax in the amount, if the refund was booked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRefunded(Event):
    """The provider refunded the payment in full or in part. The invoice stays paid."""

    type: ClassVar[str] = "invoice.refunded"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    number: int
    """Number of the invoice: 1, 2, 3 … without gaps within the tenant."""
    refund_id: UUID
    """The refund, unique within the tenant."""
    amount_minor: int
    """Amount of this refund."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    reason: str
    """Reason, one of: requested, duplicate, fraudulent."""
    provider_refund_id: str
    """Id of the refund at the provider."""
    refunded_at: datetime
    """Time of the event."""
    tax_minor: int = 0
    """Tax in the amount of this refund."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceVoided(Event):
    """The invoice was voided before payment. Its number is not reused, and nothing is due."""

    type: ClassVar[str] = "invoice.voided"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 3
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    number: int
    """Number of the invoice: 1, 2, 3 … without gaps within the tenant."""
    total_minor: int
    """Amount that was due."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    reason: str
    """Reason, one of: requested, erased."""
    voided_at: datetime
    """Time of the event."""
    was_uncollectible: bool = False
    """True if the invoice had been written off."""
    tax_minor: int = 0
    """Tax in the total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueWindowTotaled(Event):
    """Totals of payments, failures and refunds in one window. Totals are absolute; the highest
    revision is current.
    """

    type: ClassVar[str] = "revenue.window_totaled"
    topic: ClassVar[str] = "billing.revenue"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    window: str
    """Length of the window, one of: minute, hour, day (UTC)."""
    window_start: datetime
    """Start of the window."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    paid_minor: int
    """Sum of the payments."""
    failed_minor: int
    """Sum of the payments that were refused."""
    refunded_minor: int
    """Sum of the refunds."""
    paid_count: int
    """Number of payments."""
    failed_count: int
    """Number of refused payments."""
    refunded_count: int
    """Number of refunds."""
    revision: int
    """Number of events in these totals. It grows within a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCanceled(Event):
    """The subscription will not be renewed."""

    type: ClassVar[str] = "subscription.canceled"
    topic: ClassVar[str] = "billing.subscription"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    subscription_id: UUID
    """The subscription; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    reason: str
    """Reason, one of: requested, nonpayment, erased."""
    ends_at: datetime
    """End of use: the end of the period, or now."""
    canceled_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCancellationRevoked(Event):
    """The scheduled cancellation was taken back: the subscription will be renewed."""

    type: ClassVar[str] = "subscription.cancellation_revoked"
    topic: ClassVar[str] = "billing.subscription"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    subscription_id: UUID
    """The subscription; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    revoked_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCancellationScheduled(Event):
    """The subscription will be canceled at the end of its period, unless the cancellation is
    taken back before.
    """

    type: ClassVar[str] = "subscription.cancellation_scheduled"
    topic: ClassVar[str] = "billing.subscription"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    subscription_id: UUID
    """The subscription; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    cancel_at: datetime
    """End of the period: the time of the cancellation."""
    scheduled_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCaughtUp(Event):
    """An unpaid invoice of the subscription was settled."""

    type: ClassVar[str] = "subscription.caught_up"
    topic: ClassVar[str] = "billing.subscription"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    subscription_id: UUID
    """The subscription; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    invoice_id: UUID
    """The invoice that was paid or voided."""
    status: str
    """Status from now on, one of: active, past_due (another invoice is unpaid)."""
    caught_up_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCreated(Event):
    """The customer subscribed to a plan. The first period is invoiced, or is a trial."""

    type: ClassVar[str] = "subscription.created"
    topic: ClassVar[str] = "billing.subscription"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    subscription_id: UUID
    """The subscription; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    plan: str
    """Code of the plan, as GET /plans lists it."""
    interval: str
    """Length of a period, one of: month, year."""
    amount_minor: int
    """Price of one period."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    invoice_id: UUID
    """The invoice of the first period; of a trial, no invoice has this id."""
    period_start: datetime
    """Start of the period, inclusive."""
    period_end: datetime
    """End of the period, exclusive."""
    created_at: datetime
    """Time of the event."""
    trial_end: datetime | None = None
    """End of the trial, which is the first period; null without a trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPastDue(Event):
    """An invoice of the subscription is unpaid. The payment is retried."""

    type: ClassVar[str] = "subscription.past_due"
    topic: ClassVar[str] = "billing.subscription"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    subscription_id: UUID
    """The subscription; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    invoice_id: UUID
    """The unpaid invoice."""
    past_due_at: datetime
    """Time of the event."""
    status: str = "past_due"
    """Status from now on, one of: past_due, incomplete (the first invoice was never paid)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPlanChanged(Event):
    """The customer changed to another plan or price."""

    type: ClassVar[str] = "subscription.plan_changed"
    topic: ClassVar[str] = "billing.subscription"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    subscription_id: UUID
    """The subscription; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    plan: str
    """Code of the plan, as GET /plans lists it."""
    interval: str
    """Length of a period, one of: month, year."""
    amount_minor: int
    """Price of one period."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    previous_plan: str
    """Code of the previous plan."""
    effective_at: datetime
    """Start of the first period with the new price."""
    changed_at: datetime
    """Time of the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRenewed(Event):
    """The subscription was renewed for this period."""

    type: ClassVar[str] = "subscription.renewed"
    topic: ClassVar[str] = "billing.subscription"
    schema_version: ClassVar[int] = 2
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """Tenant of the event; equal to the header ce_tenantid."""
    subscription_id: UUID
    """The subscription; key of the record."""
    customer_id: UUID
    """The customer who pays."""
    plan: str
    """Code of the plan, as GET /plans lists it."""
    interval: str
    """Length of a period, one of: month, year."""
    amount_minor: int
    """Price of one period."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    invoice_id: UUID
    """The invoice of this period."""
    period_start: datetime
    """Start of the period, inclusive."""
    period_end: datetime
    """End of the period, exclusive."""
    renewed_at: datetime
    """Time of the event."""
    status: str = "active"
    """Status from now on, one of: active, past_due (an earlier invoice is unpaid)."""


EVENTS: tuple[type[Event], ...] = (
    CustomerCreated,
    CustomerErased,
    CustomerInvoiceWrittenOff,
    CustomerUpdated,
    CustomerWriteOffSettled,
    PaymentMethodAttached,
    PaymentMethodDetached,
    PaymentMethodMadeDefault,
    InvoiceCreated,
    InvoiceDiscarded,
    InvoiceDisputeClosed,
    InvoiceDisputed,
    InvoiceFinalized,
    InvoiceLineAdded,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceRefundFailed,
    InvoiceRefunded,
    InvoiceVoided,
    RevenueWindowTotaled,
    SubscriptionCanceled,
    SubscriptionCancellationRevoked,
    SubscriptionCancellationScheduled,
    SubscriptionCaughtUp,
    SubscriptionCreated,
    SubscriptionPastDue,
    SubscriptionPlanChanged,
    SubscriptionRenewed,
)
