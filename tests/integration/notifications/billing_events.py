"""Events of billing about one customer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from schemas.billing import (
    InvoiceDisputeClosed,
    InvoiceDisputed,
    InvoiceFinalized,
    InvoiceLineAdded,
    InvoiceMarkedUncollectible,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceRefunded,
    InvoiceVoided,
    PaymentMethodAttached,
    PaymentMethodDetached,
    SubscriptionCanceled,
    SubscriptionCancellationRevoked,
    SubscriptionCancellationScheduled,
    SubscriptionCreated,
    SubscriptionPastDue,
    SubscriptionPlanChanged,
)
from tests.integration.notifications.service import Person
from waypost.kernel.event import Event
from waypost.kernel.ids import new_id


def line_added(customer: Person, invoice_id: UUID, description: str, at: datetime) -> InvoiceLineAdded:
    return InvoiceLineAdded(
        tenant_id=customer.tenant_id,
        invoice_id=invoice_id,
        line_id=new_id(),
        description=description,
        quantity=2,
        unit_amount_minor=61_725,
        amount_minor=123_450,
        currency="EUR",
        added_at=at,
    )


def finalized(customer: Person, invoice_id: UUID, at: datetime) -> InvoiceFinalized:
    return InvoiceFinalized(**_invoice(customer, invoice_id), total_minor=123_450, due_at=at, finalized_at=at)


def of_an_invoice(customer: Person, invoice_id: UUID, at: datetime) -> Mapping[str, Event]:
    """Each later event of an invoice, by the kind of its mail."""
    invoice = _invoice(customer, invoice_id)
    attempt: Mapping[str, Any] = {"amount_minor": 123_450, "attempt_id": new_id(), "attempt": 1}
    return {
        "payment_failed": InvoicePaymentFailed(**invoice, **attempt, reason="card_declined", failed_at=at),
        "invoice_paid": InvoicePaid(**invoice, **attempt, provider_charge_id="ch_1", paid_at=at),
        "invoice_voided": InvoiceVoided(**invoice, total_minor=123_450, reason="requested", voided_at=at),
        "invoice_uncollectible": InvoiceMarkedUncollectible(**invoice, total_minor=123_450, attempts=4, marked_at=at),
        "invoice_refunded": InvoiceRefunded(
            **invoice,
            refund_id=new_id(),
            amount_minor=123_450,
            reason="requested",
            provider_refund_id="re_1",
            refunded_at=at,
        ),
    }


def of_a_subscription(customer: Person, at: datetime, subscription_id: UUID | None = None) -> Mapping[str, Event]:
    """Each event of a subscription, by the kind of its mail."""
    of: Mapping[str, Any] = {
        "tenant_id": customer.tenant_id,
        "subscription_id": subscription_id or new_id(),
        "customer_id": customer.user_id,
    }
    price: Mapping[str, Any] = {"plan": "team", "interval": "month", "amount_minor": 123_450, "currency": "EUR"}
    return {
        "subscription_started": SubscriptionCreated(
            **of, **price, invoice_id=new_id(), period_start=at, period_end=at, created_at=at
        ),
        "subscription_plan_changed": SubscriptionPlanChanged(
            **of, **price, previous_plan="starter", effective_at=at, changed_at=at
        ),
        "subscription_canceled": SubscriptionCanceled(**of, reason="requested", ends_at=at, canceled_at=at),
        "subscription_past_due": SubscriptionPastDue(**of, invoice_id=new_id(), past_due_at=at),
        "subscription_cancellation_scheduled": SubscriptionCancellationScheduled(**of, cancel_at=at, scheduled_at=at),
        "subscription_cancellation_revoked": SubscriptionCancellationRevoked(**of, revoked_at=at),
    }


def of_a_card(customer: Person, at: datetime) -> Mapping[str, Event]:
    """Each event of a card that is mailed, by the kind of its mail."""
    of: Mapping[str, Any] = {
        "tenant_id": customer.tenant_id,
        "customer_id": customer.user_id,
        "payment_method_id": new_id(),
    }
    return {
        "payment_method_attached": PaymentMethodAttached(**of, brand="visa", last4="4242", attached_at=at),
        "payment_method_detached": PaymentMethodDetached(**of, detached_at=at),
    }


def of_a_dispute(customer: Person, invoice_id: UUID, at: datetime) -> Mapping[str, Event]:
    """Each event of a dispute, by the kind of its mail."""
    dispute: Mapping[str, Any] = {**_invoice(customer, invoice_id), "dispute_id": "dp_1", "amount_minor": 123_450}
    return {
        "invoice_disputed": InvoiceDisputed(**dispute, reason="fraudulent", disputed_at=at),
        "invoice_dispute_closed": InvoiceDisputeClosed(**dispute, outcome="won", closed_at=at),
    }


def _invoice(customer: Person, invoice_id: UUID) -> Mapping[str, Any]:
    return {
        "tenant_id": customer.tenant_id,
        "invoice_id": invoice_id,
        "customer_id": customer.user_id,
        "number": 7,
        "currency": "EUR",
    }
