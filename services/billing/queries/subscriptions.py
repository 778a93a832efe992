"""Subscriptions and their current status."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain import Interval, SubscriptionStatus
from services.billing.tables import subscriptions
from waypost.kernel.errors import NotFound
from waypost.kernel.stored_kinds import member_or_text


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedPlan:
    """The plan and price of a period."""

    code: str
    interval: Interval | str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRow:
    id: UUID
    customer_id: UUID
    status: SubscriptionStatus | str
    plan: AgreedPlan
    next_plan: AgreedPlan | None
    period_start: datetime
    period_end: datetime
    invoice_id: UUID | None
    trial_end: datetime | None
    cancel_at: datetime | None
    ends_at: datetime | None
    created_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFilter:
    """Filters of a list; None means all."""

    confined_to: UUID | None = None
    """The customer whose subscriptions a member may see; other filters select among them."""
    customer_id: UUID | None = None
    status: SubscriptionStatus | None = None


async def subscription(rows: AsyncConnection, subscription_id: UUID, *, customer_id: UUID | None) -> SubscriptionRow:
    """Any subscription of the tenant, or only of `customer_id` if it is given. Raises NotFound,
    also for another customer's subscription.
    """
    query = _filtered(SubscriptionFilter(customer_id=customer_id)).where(
        subscriptions.c.subscription_id == subscription_id
    )
    row = (await rows.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"there is no subscription {subscription_id}")
    return _subscription(row)


async def latest_subscriptions(
    rows: AsyncConnection, wanted: SubscriptionFilter, *, before: UUID | None, limit: int
) -> Sequence[SubscriptionRow]:
    """Newest first: ids increase with time."""
    page = _filtered(wanted).order_by(subscriptions.c.subscription_id.desc()).limit(limit)
    if before is not None:
        page = page.where(subscriptions.c.subscription_id < before)
    return [_subscription(row) for row in await rows.execute(page)]


def _filtered(wanted: SubscriptionFilter) -> Select[Any]:
    query = select(subscriptions)
    if wanted.confined_to is not None:
        query = query.where(subscriptions.c.customer_id == wanted.confined_to)
    if wanted.customer_id is not None:
        query = query.where(subscriptions.c.customer_id == wanted.customer_id)
    if wanted.status is not None:
        query = query.where(subscriptions.c.status == wanted.status.value)
    return query


def _subscription(row: Row[Any]) -> SubscriptionRow:
    plan = _plan(row.plan, row.interval, row.amount_minor, row.currency)
    return SubscriptionRow(
        id=row.subscription_id,
        customer_id=row.customer_id,
        status=member_or_text(SubscriptionStatus, row.status),
        plan=plan,
        next_plan=_next_plan(row, plan),
        period_start=row.period_start,
        period_end=row.period_end,
        invoice_id=None if row.trial_end == row.period_end else row.invoice_id,
        trial_end=row.trial_end,
        cancel_at=row.cancel_at,
        ends_at=row.ends_at,
        created_at=row.created_at,
        version=row.version,
    )


def _next_plan(row: Row[Any], plan: AgreedPlan) -> AgreedPlan | None:
    """The plan of the latest change, if it is still to come and differs from `plan`."""
    if row.cancel_at is not None or row.next_from is None or row.next_from <= row.period_start:
        return None
    changed = _plan(row.next_plan, row.next_interval, row.next_amount_minor, row.next_currency)
    return None if changed == plan else changed


def _plan(code: str, interval: str, amount_minor: int, currency: str) -> AgreedPlan:
    return AgreedPlan(
        code=code, interval=member_or_text(Interval, interval), amount_minor=amount_minor, currency=currency
    )
