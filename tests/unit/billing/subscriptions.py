"""Subscriptions for tests."""

from datetime import UTC, datetime
from uuid import uuid4

from services.billing.domain import Interval, Plan, Subscription
from waypost.kernel.ids import TenantId

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
MONTHLY = Plan(code="starter", interval=Interval.MONTH, amount_minor=1_900, currency="EUR")
DEARER = Plan(code="team", interval=Interval.MONTH, amount_minor=4_900, currency="EUR")
YEARLY = Plan(code="team-yearly", interval=Interval.YEAR, amount_minor=49_000, currency="EUR")


def started(plan: Plan = MONTHLY, at: datetime = START) -> Subscription:
    return Subscription.start(uuid4(), TenantId(uuid4()), customer_id=uuid4(), plan=plan, at=at)
