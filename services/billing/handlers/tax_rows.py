"""Tax rates as they are stored."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain import TaxRate
from services.billing.handlers.tax_tables import tax_rates

_columns = tax_rates.c


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
        changed_by=row.changed_by,
        changed_at=row.changed_at,
    )
