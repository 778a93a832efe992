"""Invoices and subscriptions of one user, added up when they are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.users.tables import billed_invoices, billed_subscriptions

SHOWN_SUBSCRIPTIONS = 50
"""Limit of the subscriptions that have not ended; the newest are shown."""

INVOICE_STATUSES = ("open", "paid", "void", "uncollectible")
SUBSCRIPTION_STATUSES = ("trialing", "incomplete", "active", "past_due", "canceled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Sums of a user's invoices in one currency, in its minor units."""

    currency: str
    invoiced_minor: int
    """Finalized invoices that were not voided: open, paid and uncollectible."""
    open_minor: int
    paid_minor: int
    """Before refunds and disputes."""
    uncollectible_minor: int
    """Written off, and not paid since."""
    refunded_minor: int
    disputed_minor: int
    """Withdrawn by the provider for disputes that are open or lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    invoice_id: UUID
    number: int
    amount_minor: int
    currency: str
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledSubscription:
    id: UUID
    plan: str
    interval: str
    amount_minor: int
    """Price of one period."""
    currency: str
    status: str
    period_end: datetime
    cancel_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    invoices: Mapping[str, int]
    """Number of finalized invoices by status."""
    amounts: Sequence[Amounts]
    """By currency."""
    last_payment: Payment | None
    subscriptions: Mapping[str, int]
    """Number of subscriptions by status."""
    current_subscriptions: Sequence[BilledSubscription]
    """Subscriptions that have not ended, newest first, 50 at most."""


async def overview_of(rows: AsyncConnection, tenant_id: UUID, user_id: UUID) -> Overview:
    """Empty for a user without invoices and subscriptions, and for an erased one."""
    invoices, amounts = await _invoices(rows, tenant_id, user_id)
    subscriptions = billed_subscriptions.c
    counts = (
        select(subscriptions.status, func.count().label("number"))
        .where(subscriptions.tenant_id == tenant_id, subscriptions.customer_id == user_id)
        .group_by(subscriptions.status)
    )
    return Overview(
        invoices=invoices,
        amounts=amounts,
        last_payment=await _last_payment(rows, tenant_id, user_id),
        subscriptions={
            **dict.fromkeys(SUBSCRIPTION_STATUSES, 0),
            **{row.status: row.number for row in await rows.execute(counts)},
        },
        current_subscriptions=await _current_subscriptions(rows, tenant_id, user_id),
    )


async def _invoices(
    rows: AsyncConnection, tenant_id: UUID, user_id: UUID
) -> tuple[Mapping[str, int], Sequence[Amounts]]:
    invoices = billed_invoices.c

    def number(status: str) -> Any:
        return func.count().filter(invoices.status == status).label(status)

    def total(*statuses: str) -> Any:
        counted = case((invoices.status.in_(statuses), invoices.total_minor), else_=0)
        return func.sum(counted)

    sums = (
        select(
            invoices.currency,
            *(number(status) for status in INVOICE_STATUSES),
            total("open", "paid", "uncollectible").label("invoiced_minor"),
            total("open").label("open_minor"),
            func.sum(invoices.paid_minor).label("paid_minor"),
            total("uncollectible").label("uncollectible_minor"),
            func.sum(invoices.refunded_minor).label("refunded_minor"),
            func.sum(invoices.disputed_minor).label("disputed_minor"),
        )
        .where(invoices.tenant_id == tenant_id, invoices.customer_id == user_id)
        .group_by(invoices.currency)
        .order_by(invoices.currency)
    )
    found = [dict(row) for row in (await rows.execute(sums)).mappings()]
    counts = {status: sum(row.pop(status) for row in found) for status in INVOICE_STATUSES}
    return counts, [Amounts(**{**row, **_whole(row)}) for row in found]


def _whole(row: Mapping[str, Any]) -> Mapping[str, int]:
    """PostgreSQL adds integers up to a decimal number."""
    return {name: int(value) for name, value in row.items() if name != "currency"}


async def _last_payment(rows: AsyncConnection, tenant_id: UUID, user_id: UUID) -> Payment | None:
    invoices = billed_invoices.c
    newest = (
        select(
            invoices.invoice_id,
            invoices.number,
            invoices.paid_minor.label("amount_minor"),
            invoices.currency,
            invoices.paid_at,
        )
        .where(invoices.tenant_id == tenant_id, invoices.customer_id == user_id, invoices.paid_at.is_not(None))
        .order_by(invoices.paid_at.desc(), invoices.invoice_id.desc())
        .limit(1)
    )
    row = (await rows.execute(newest)).mappings().one_or_none()
    return None if row is None else Payment(**row)


async def _current_subscriptions(rows: AsyncConnection, tenant_id: UUID, user_id: UUID) -> Sequence[BilledSubscription]:
    subscriptions = billed_subscriptions.c
    current = (
        select(
            subscriptions.subscription_id.label("id"),
            subscriptions.plan,
            subscriptions.interval,
            subscriptions.amount_minor,
            subscriptions.currency,
            subscriptions.status,
            subscriptions.period_end,
            subscriptions.cancel_at,
        )
        .where(
            subscriptions.tenant_id == tenant_id,
            subscriptions.customer_id == user_id,
            subscriptions.status != "canceled",
        )
        .order_by(subscriptions.subscription_id.desc())
        .limit(SHOWN_SUBSCRIPTIONS)
    )
    return [BilledSubscription(**row) for row in (await rows.execute(current)).mappings()]
