"""The tenant's tax rates."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain import TaxRate
from services.billing.handlers.tax_rows import rate_of
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
