"""Subscriptions for tests."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from services.billing.domain import Interval, Plan, Subscription
from waypost.kernel.ids import TenantId

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
MONTHLY = Plan(code="starter", interval=Interval.MONTH, amount_minor=1_900, currency="EUR", trial_days=14)
DEARER = Plan(code="team", interval=Interval.MONTH, amount_minor=4_900, currency="EUR")
YEARLY = Plan(code="team-yearly", interval=Interval.YEAR, amount_minor=49_000, currency="EUR")


def started(plan: Plan = MONTHLY, at: datetime = START, *, with_trial: bool = False) -> Subscription:
    return Subscription.start(uuid4(), TenantId(uuid4()), customer_id=uuid4(), plan=plan, at=at, with_trial=with_trial)


def current_invoice(subscription: Subscription) -> UUID:
    """The invoice of the current period, outside of a trial."""
    assert subscription.invoice_id is not None
    return subscription.invoice_id
