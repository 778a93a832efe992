"""Revenue windows, from the live view."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.tables import revenue_windows


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueRow:
    window: str
    window_start: datetime
    currency: str
    paid_minor: int
    failed_minor: int
    refunded_minor: int
    paid_count: int
    failed_count: int
    refunded_count: int
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueFilter:
    window: str
    currency: str | None = None


async def revenue(
    rows: AsyncConnection, wanted: RevenueFilter, *, before: tuple[datetime, str] | None, limit: int
) -> Sequence[RevenueRow]:
    """Windows of one length, newest first; windows with the same start in descending order of
    currency.
    """
    columns = revenue_windows.c
    page = select(*(columns[field.name] for field in fields(RevenueRow))).where(columns.window == wanted.window)
    if wanted.currency is not None:
        page = page.where(columns.currency == wanted.currency)
    if before is not None:
        page = page.where(tuple_(columns.window_start, columns.currency) < before)
    page = page.order_by(columns.window_start.desc(), columns.currency.desc()).limit(limit)
    return [RevenueRow(**row._mapping) for row in await rows.execute(page)]
