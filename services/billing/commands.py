"""What this service can be asked to do. Shapes are valid, time and ids are given: the edge saw to
that.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.billing.domain import Customer, Invoice, PaymentAttempt, PaymentMethod, Period, Plan, Subscription
from services.billing.ports import Decision
from waypost.kernel.command import Command
from waypost.kernel.ids import JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachPaymentMethod(Command[Customer]):
    customer_id: UUID
    method: PaymentMethod
    token: str = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateInvoice(Command[Invoice]):
    invoice_id: UUID
    customer_id: UUID
    currency: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OfInvoice:
    """What the commands about an invoice that is there have in common."""

    invoice_id: UUID
    expected_version: int | None = None
    """What the caller has seen (If-Match); None for whatever there is."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AddLine(OfInvoice, Command[Invoice]):
    line_id: UUID
    description: str
    quantity: int
    unit_amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizeInvoice(OfInvoice, Command[Invoice]):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidInvoice(OfInvoice, Command[Invoice]):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class PayInvoice(OfInvoice, Command[Invoice]):
    """Tries once more, now, rather than at the next step of the dunning."""

    attempt_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundInvoice(OfInvoice, Command[Invoice]):
    refund_id: UUID
    amount_minor: int | None
    """None for all that is left."""
    reason: str
    """requested, duplicate or fraudulent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginCharge(Command[PaymentAttempt | None]):
    """Gives the attempt that is to be carried out; None where there is nothing to do, or not any
    more.
    """

    invoice_id: UUID
    attempt_id: UUID
    requested_by: str
    """Who asks: begins one attempt at most, however often it is repeated."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDecision(Command[None]):
    """What the provider decided about an attempt. Told twice, or of an attempt that is not there,
    it changes nothing.
    """

    attempt_id: UUID
    decision: Decision
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonAttempt(Command[None]):
    """The provider knows nothing of it, and may have forgotten its key."""

    attempt_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSubscription(Command[Subscription]):
    subscription_id: UUID
    customer_id: UUID
    plan: Plan
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OfSubscription:
    """What callers' commands about a subscription that is there have in common."""

    subscription_id: UUID
    expected_version: int | None = None
    """What the caller has seen (If-Match); None for whatever there is."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlan(OfSubscription, Command[Subscription]):
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSubscription(OfSubscription, Command[Subscription]):
    at_period_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewSubscription(Command[bool]):
    """Begins the period that is due; gives whether there was one. Told twice it finds none."""

    subscription_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReport(Command[JobId]):
    """Gives the job that makes it."""

    kind: str
    format: str
    period: Period
    asked_by: UUID
    customer_id: UUID | None
    """Whose invoices it is about; None for everybody's."""
