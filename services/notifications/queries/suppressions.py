"""Suppressed addresses."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.tables import suppressed_addresses


async def is_suppressed(rows: AsyncConnection, address: str) -> bool:
    found = select(exists().where(suppressed_addresses.c.address == address))
    return bool((await rows.execute(found)).scalar_one())


async def suppressions(rows: AsyncConnection, *, after: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """One page, oldest first: ids increase with time."""
    page = select(suppressed_addresses).order_by(suppressed_addresses.c.suppression_id).limit(limit)
    if after is not None:
        page = page.where(suppressed_addresses.c.suppression_id > after)
    return (await rows.execute(page)).all()
