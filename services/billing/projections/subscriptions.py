"""Subscriptions and their current period."""

from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.billing import (
    SubscriptionCanceled,
    SubscriptionCancellationRevoked,
    SubscriptionCancellationScheduled,
    SubscriptionCaughtUp,
    SubscriptionCreated,
    SubscriptionPastDue,
    SubscriptionPlanChanged,
    SubscriptionRenewed,
)
from services.billing.domain import SubscriptionStatus
from services.billing.tables import SUBSCRIPTIONS, subscriptions
from waypost.engine.projections import changes
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import InlineProjection

_subscription = partial(changes, subscriptions, subscriptions.c.subscription_id)


async def add_subscriptions(created: Sequence[Envelope[SubscriptionCreated]], rows: AsyncConnection) -> None:
    await rows.execute(
        insert(subscriptions),
        [
            {
                "tenant_id": envelope.tenant_id,
                "subscription_id": envelope.aggregate_id,
                "customer_id": envelope.event.customer_id,
                **_period_columns(envelope.event),
                "status": (
                    SubscriptionStatus.TRIALING if envelope.event.trial_end else SubscriptionStatus.ACTIVE
                ).value,
                "trial_end": envelope.event.trial_end,
                "created_at": envelope.event.created_at,
                "version": envelope.aggregate_version,
            }
            for envelope in created
        ],
    )


def _period_columns(event: SubscriptionCreated | SubscriptionRenewed) -> Mapping[str, object]:
    return {
        "plan": event.plan,
        "interval": event.interval,
        "amount_minor": event.amount_minor,
        "currency": event.currency,
        "invoice_id": event.invoice_id,
        "period_start": event.period_start,
        "period_end": event.period_end,
    }


SUBSCRIPTION_ROWS = InlineProjection(
    "subscriptions",
    {
        SubscriptionCreated: add_subscriptions,
        SubscriptionRenewed: _subscription(lambda event: {**_period_columns(event), "status": event.status}),
        SubscriptionPlanChanged: _subscription(
            lambda event: {
                "next_plan": event.plan,
                "next_interval": event.interval,
                "next_amount_minor": event.amount_minor,
                "next_currency": event.currency,
                "next_from": event.effective_at,
            }
        ),
        SubscriptionPastDue: _subscription(lambda event: {"status": event.status}),
        SubscriptionCaughtUp: _subscription(lambda event: {"status": event.status}),
        SubscriptionCancellationScheduled: _subscription(lambda event: {"cancel_at": event.cancel_at}),
        SubscriptionCancellationRevoked: _subscription(lambda event: {"cancel_at": None}),
        SubscriptionCanceled: _subscription(
            lambda event: {
                "status": SubscriptionStatus.CANCELED.value,
                "ends_at": event.ends_at,
                "cancel_at": None,
                "next_from": None,
            }
        ),
    },
    SUBSCRIPTIONS,
)
