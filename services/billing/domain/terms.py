"""The common fields of the events of subscriptions."""

from typing import TypedDict
from uuid import UUID

from schemas.billing import SubscriptionCreated, SubscriptionPlanChanged, SubscriptionRenewed
from services.billing.domain.plan import Interval, Plan
from waypost.kernel.stored_kinds import known_member


class Identity(TypedDict):
    tenant_id: UUID
    subscription_id: UUID
    customer_id: UUID


class Terms(TypedDict):
    """A plan's fields in events."""

    plan: str
    interval: str
    amount_minor: int
    currency: str


def terms_of(plan: Plan) -> Terms:
    return {
        "plan": plan.code,
        "interval": plan.interval.value,
        "amount_minor": plan.amount_minor,
        "currency": plan.currency,
    }


def plan_of(event: SubscriptionCreated | SubscriptionRenewed | SubscriptionPlanChanged) -> Plan:
    return Plan(
        code=event.plan,
        interval=known_member(Interval, event.interval),
        amount_minor=event.amount_minor,
        currency=event.currency,
    )
