"""Events that billing publishes.

Generated from `schemas/avro` by `waypost schemas generate`; edit those files.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from waypost.kernel.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerCreated(Event):
    """A user became somebody who can be invoiced."""

    type: ClassVar[str] = "customer.created"
    topic: ClassVar[str] = "billing.customer"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset({"email", "display_name"})

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    customer_id: UUID
    """The customer; key of the record. It is the user's id."""
    email: str = field(repr=False)
    """Address that invoices name."""
    display_name: str = field(repr=False)
    """Name that invoices carry."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    created_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerErased(Event):
    """Billing forgot the person; what the law wants kept is kept under the id alone. The last event
    of this customer.
    """

    type: ClassVar[str] = "customer.erased"
    topic: ClassVar[str] = "billing.customer"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    customer_id: UUID
    """The customer; key of the record. It is the user's id."""
    erased_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerUpdated(Event):
    """The customer's particulars read like this from now on; all of them are stated, changed or
    not.
    """

    type: ClassVar[str] = "customer.updated"
    topic: ClassVar[str] = "billing.customer"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset({"email", "display_name"})

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    customer_id: UUID
    """The customer; key of the record. It is the user's id."""
    email: str = field(repr=False)
    """Address that invoices name."""
    display_name: str = field(repr=False)
    """Name that invoices carry."""
    locale: str
    """BCP 47 tag of the language for mails, such as en or de-AT."""
    updated_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethodAttached(Event):
    """The customer can be charged with this card; it is the default from now on."""

    type: ClassVar[str] = "payment_method.attached"
    topic: ClassVar[str] = "billing.customer"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset({"last4"})

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    customer_id: UUID
    """The customer; key of the record. It is the user's id."""
    payment_method_id: UUID
    """Our own id of it; the provider's token stays in billing's database."""
    brand: str
    """The card's brand in lower case, such as visa."""
    last4: str = field(repr=False)
    """The card number's last four digits."""
    attached_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethodDetached(Event):
    """The customer can no longer be charged with this card; the newest one left is the default."""

    type: ClassVar[str] = "payment_method.detached"
    topic: ClassVar[str] = "billing.customer"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    customer_id: UUID
    """The customer; key of the record. It is the user's id."""
    payment_method_id: UUID
    """Our own id of it; the provider's token stays in billing's database."""
    detached_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCreated(Event):
    """A draft was opened; it has no number and no lines yet."""

    type: ClassVar[str] = "invoice.created"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """Who pays."""
    subscription_id: UUID | None = None
    """The subscription it invoices a period of; null for an invoice made by hand."""
    currency: str
    """ISO 4217 code of all its lines."""
    created_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFinalized(Event):
    """The draft became an invoice: numbered, owed, and never edited again."""

    type: ClassVar[str] = "invoice.finalized"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """Who pays."""
    number: int
    """The invoice's number: 1, 2, 3 … without gaps within the tenant."""
    total_minor: int
    """Sum of the lines: what is owed."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    due_at: datetime
    """Until when it is to be paid."""
    finalized_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLineAdded(Event):
    """The draft got one more line."""

    type: ClassVar[str] = "invoice.line_added"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    line_id: UUID
    """The line, unique within the invoice."""
    description: str
    """What is charged for, as printed."""
    quantity: int
    """How many, at least 1."""
    unit_amount_minor: int
    """Price of one."""
    amount_minor: int
    """Quantity times price of one."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    added_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceMarkedUncollectible(Event):
    """Every try to collect failed: the amount is written off and the account is to be suspended."""

    type: ClassVar[str] = "invoice.marked_uncollectible"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """Who pays."""
    number: int
    """The invoice's number: 1, 2, 3 … without gaps within the tenant."""
    total_minor: int
    """What is written off."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    attempts: int
    """How many payments were tried."""
    marked_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaid(Event):
    """The provider took the money; nothing is owed any more."""

    type: ClassVar[str] = "invoice.paid"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """Who pays."""
    number: int
    """The invoice's number: 1, 2, 3 … without gaps within the tenant."""
    amount_minor: int
    """What was paid: the invoice's total."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    attempt_id: UUID
    """The payment attempt that decided it."""
    attempt: int
    """Which try it was, from 1."""
    provider_charge_id: str
    """The provider's name for the charge."""
    paid_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePaymentFailed(Event):
    """The provider definitely refused one attempt; the invoice is still owed."""

    type: ClassVar[str] = "invoice.payment_failed"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """Who pays."""
    number: int
    """The invoice's number: 1, 2, 3 … without gaps within the tenant."""
    amount_minor: int
    """What was to be paid."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    attempt_id: UUID
    """The payment attempt that decided it."""
    attempt: int
    """Which try it was, from 1."""
    reason: str
    """Why, in the provider's code, such as card_declined or insufficient_funds; no_payment_method
    and abandoned are our own.
    """
    next_attempt_at: datetime | None = None
    """When the next try is due; null where there will be none."""
    failed_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRefunded(Event):
    """The provider gave money back, all of it or a part; the invoice stays paid."""

    type: ClassVar[str] = "invoice.refunded"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """Who pays."""
    number: int
    """The invoice's number: 1, 2, 3 … without gaps within the tenant."""
    refund_id: UUID
    """The refund, unique within the tenant."""
    amount_minor: int
    """What this refund gave back."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    reason: str
    """Why, one of: requested, duplicate, fraudulent."""
    provider_refund_id: str
    """The provider's name for the refund."""
    refunded_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceVoided(Event):
    """The invoice was cancelled before payment; its number stays taken and nothing is owed."""

    type: ClassVar[str] = "invoice.voided"
    topic: ClassVar[str] = "billing.invoice"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    invoice_id: UUID
    """The invoice; key of the record."""
    customer_id: UUID
    """Who pays."""
    number: int
    """The invoice's number: 1, 2, 3 … without gaps within the tenant."""
    total_minor: int
    """What was owed until now."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    reason: str
    """Why, one of: requested, erased."""
    voided_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueWindowTotaled(Event):
    """What came in, failed and went back within one window so far: absolute totals, of which the
    highest revision counts.
    """

    type: ClassVar[str] = "revenue.window_totaled"
    topic: ClassVar[str] = "billing.revenue"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    window: str
    """Length of the window, one of: minute, hour, day (UTC)."""
    window_start: datetime
    """Begin of the window; its end follows from its length."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    paid_minor: int
    """Sum of the payments."""
    failed_minor: int
    """Sum of the payments that were refused."""
    refunded_minor: int
    """Sum of the refunds."""
    paid_count: int
    """How many payments."""
    failed_count: int
    """How many refused payments."""
    refunded_count: int
    """How many refunds."""
    revision: int
    """How many events these totals count; grows within a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCanceled(Event):
    """The subscription will not be renewed."""

    type: ClassVar[str] = "subscription.canceled"
    topic: ClassVar[str] = "billing.subscription"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    subscription_id: UUID
    """The subscription; key of the record."""
    customer_id: UUID
    """Who pays."""
    reason: str
    """Why, one of: requested, nonpayment, erased."""
    ends_at: datetime
    """Until when it may be used: the period's end, or now."""
    canceled_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCreated(Event):
    """The customer subscribed to a plan; the first period is invoiced."""

    type: ClassVar[str] = "subscription.created"
    topic: ClassVar[str] = "billing.subscription"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    subscription_id: UUID
    """The subscription; key of the record."""
    customer_id: UUID
    """Who pays."""
    plan: str
    """Code of the plan, as GET /plans lists it."""
    interval: str
    """Length of a period, one of: month, year."""
    amount_minor: int
    """Price of one period."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    invoice_id: UUID
    """The invoice of the first period."""
    period_start: datetime
    """Begin of the period."""
    period_end: datetime
    """End of the period, exclusive; the next one begins here."""
    created_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPastDue(Event):
    """A period's invoice could not be collected so far; the subscription goes on while payment is
    retried.
    """

    type: ClassVar[str] = "subscription.past_due"
    topic: ClassVar[str] = "billing.subscription"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    subscription_id: UUID
    """The subscription; key of the record."""
    customer_id: UUID
    """Who pays."""
    invoice_id: UUID
    """The invoice that is unpaid."""
    past_due_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPlanChanged(Event):
    """The customer moved to another plan or price."""

    type: ClassVar[str] = "subscription.plan_changed"
    topic: ClassVar[str] = "billing.subscription"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    subscription_id: UUID
    """The subscription; key of the record."""
    customer_id: UUID
    """Who pays."""
    plan: str
    """Code of the plan, as GET /plans lists it."""
    interval: str
    """Length of a period, one of: month, year."""
    amount_minor: int
    """Price of one period."""
    currency: str
    """ISO 4217 code of every amount in this record."""
    previous_plan: str
    """Code of the plan until now."""
    effective_at: datetime
    """From when the new price is charged: the begin of a period."""
    changed_at: datetime
    """When it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRenewed(Event):
    """The subscription is active for this period, also where it was past due before."""

    type: ClassVar[str] = "subscription.renewed"
    topic: ClassVar[str] = "billing.subscription"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()

    tenant_id: UUID
    """The tenant this is a fact of; the same as the header ce_tenantid."""
    subscription_id: UUID
    """The subscription; key of the record."""
    customer_id: UUID
    """Who pays."""
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
    """Begin of the period."""
    period_end: datetime
    """End of the period, exclusive; the next one begins here."""
    renewed_at: datetime
    """When it happened."""


EVENTS: tuple[type[Event], ...] = (
    CustomerCreated,
    CustomerErased,
    CustomerUpdated,
    PaymentMethodAttached,
    PaymentMethodDetached,
    InvoiceCreated,
    InvoiceFinalized,
    InvoiceLineAdded,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceRefunded,
    InvoiceVoided,
    RevenueWindowTotaled,
    SubscriptionCanceled,
    SubscriptionCreated,
    SubscriptionPastDue,
    SubscriptionPlanChanged,
    SubscriptionRenewed,
)
