"""The tenant's tax rates."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain import TaxRate
from services.billing.handlers.tax_tables import tax_rates

_columns = tax_rates.c


async def latest_tax_rates(
    rows: AsyncConnection, *, archived: bool | None, before: UUID | None, limit: int
) -> Sequence[TaxRate]:
    """Newest first: ids increase with time. `archived` None selects all."""
    page = select(tax_rates).order_by(_columns.tax_rate_id.desc()).limit(limit)
    if archived is not None:
        page = page.where(_columns.archived_at.is_not(None) if archived else _columns.archived_at.is_(None))
    if before is not None:
        page = page.where(_columns.tax_rate_id < before)
    return [rate_of(row) for row in await rows.execute(page)]


async def tax_rate(rows: AsyncConnection, tax_rate_id: UUID) -> TaxRate | None:
    row = (await rows.execute(select(tax_rates).where(_columns.tax_rate_id == tax_rate_id))).one_or_none()
    return None if row is None else rate_of(row)


async def default_tax_rate(rows: AsyncConnection) -> TaxRate | None:
    """The rate of the invoices of subscriptions. Reads one row of a partial index."""
    row = (await rows.execute(select(tax_rates).where(_columns.is_default))).one_or_none()
    return None if row is None else rate_of(row)


def rate_of(row: Row[Any]) -> TaxRate:
    return TaxRate(
        id=row.tax_rate_id,
        name=row.name,
        ppm=row.ppm,
        inclusive=row.inclusive,
        is_default=row.is_default,
        created_at=row.created_at,
        archived_at=row.archived_at,
    )
