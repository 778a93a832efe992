"""Notifications about invoices that end, about subscriptions and about cards."""

from collections.abc import Mapping
from typing import Any

from schemas.billing import (
    InvoiceMarkedUncollectible,
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
from services.notifications.domain import Facts, NotificationKind
from services.notifications.handlers.event_notices import queue_about
from services.notifications.handlers.notifications import is_recent
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.ports.unit_of_work import UnitOfWork


async def invoice_voided(voided: Envelope[InvoiceVoided], uow: UnitOfWork) -> None:
    event = voided.event
    facts: Facts = {"number": event.number, "amount_minor": event.total_minor, "currency": event.currency}
    await queue_about(voided, NotificationKind.INVOICE_VOIDED, event.customer_id, facts, event.voided_at, uow)


async def invoice_refunded(refunded: Envelope[InvoiceRefunded], uow: UnitOfWork) -> None:
    event = refunded.event
    facts: Facts = {
        "number": event.number,
        "amount_minor": event.amount_minor,
        "currency": event.currency,
        "refunded_at": event.refunded_at.isoformat(),
    }
    await queue_about(refunded, NotificationKind.INVOICE_REFUNDED, event.customer_id, facts, event.refunded_at, uow)


async def invoice_uncollectible(marked: Envelope[InvoiceMarkedUncollectible], uow: UnitOfWork) -> None:
    event = marked.event
    facts: Facts = {"number": event.number, "amount_minor": event.total_minor, "currency": event.currency}
    await queue_about(marked, NotificationKind.INVOICE_UNCOLLECTIBLE, event.customer_id, facts, event.marked_at, uow)


async def subscription_started(created: Envelope[SubscriptionCreated], uow: UnitOfWork) -> None:
    event = created.event
    facts = {**_price(event), "period_end": event.period_end.isoformat()}
    await queue_about(created, NotificationKind.SUBSCRIPTION_STARTED, event.customer_id, facts, event.created_at, uow)


async def subscription_plan_changed(changed: Envelope[SubscriptionPlanChanged], uow: UnitOfWork) -> None:
    event = changed.event
    facts = {**_price(event), "previous_plan": event.previous_plan, "effective_at": event.effective_at.isoformat()}
    await queue_about(
        changed, NotificationKind.SUBSCRIPTION_PLAN_CHANGED, event.customer_id, facts, event.changed_at, uow
    )


async def subscription_canceled(canceled: Envelope[SubscriptionCanceled], uow: UnitOfWork) -> None:
    event = canceled.event
    facts: Facts = {"reason": event.reason, "ends_at": event.ends_at.isoformat()}
    await queue_about(
        canceled, NotificationKind.SUBSCRIPTION_CANCELED, event.customer_id, facts, event.canceled_at, uow
    )


async def subscription_past_due(past_due: Envelope[SubscriptionPastDue], uow: UnitOfWork) -> None:
    event = past_due.event
    await queue_about(past_due, NotificationKind.SUBSCRIPTION_PAST_DUE, event.customer_id, {}, event.past_due_at, uow)


async def cancellation_scheduled(scheduled: Envelope[SubscriptionCancellationScheduled], uow: UnitOfWork) -> None:
    event, kind = scheduled.event, NotificationKind.SUBSCRIPTION_CANCELLATION_SCHEDULED
    facts: Facts = {"cancel_at": event.cancel_at.isoformat()}
    await queue_about(scheduled, kind, event.customer_id, facts, event.scheduled_at, uow)


async def cancellation_revoked(revoked: Envelope[SubscriptionCancellationRevoked], uow: UnitOfWork) -> None:
    event, kind = revoked.event, NotificationKind.SUBSCRIPTION_CANCELLATION_REVOKED
    await queue_about(revoked, kind, event.customer_id, {}, event.revoked_at, uow)


async def card_attached(attached: Envelope[PaymentMethodAttached], uow: UnitOfWork) -> None:
    """Without the digits of the card: facts of a notification never identify a person."""
    if not await is_recent(attached, uow):
        return
    event = attached.event
    await queue_about(attached, NotificationKind.PAYMENT_METHOD_ATTACHED, event.customer_id, {}, event.attached_at, uow)


async def card_detached(detached: Envelope[PaymentMethodDetached], uow: UnitOfWork) -> None:
    if not await is_recent(detached, uow):
        return
    event = detached.event
    await queue_about(detached, NotificationKind.PAYMENT_METHOD_DETACHED, event.customer_id, {}, event.detached_at, uow)


def _price(event: SubscriptionCreated | SubscriptionPlanChanged) -> Mapping[str, str | int | None]:
    return {
        "plan": event.plan,
        "interval": event.interval,
        "amount_minor": event.amount_minor,
        "currency": event.currency,
    }


MONEY_NOTICES: Mapping[type[Event], Any] = {
    InvoiceVoided: invoice_voided,
    InvoiceRefunded: invoice_refunded,
    InvoiceMarkedUncollectible: invoice_uncollectible,
    SubscriptionCreated: subscription_started,
    SubscriptionPlanChanged: subscription_plan_changed,
    SubscriptionCanceled: subscription_canceled,
    SubscriptionPastDue: subscription_past_due,
    SubscriptionCancellationScheduled: cancellation_scheduled,
    SubscriptionCancellationRevoked: cancellation_revoked,
    PaymentMethodAttached: card_attached,
    PaymentMethodDetached: card_detached,
}
