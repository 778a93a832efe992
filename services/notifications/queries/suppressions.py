"""Suppressed addresses."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain.bounce import SuppressionReason
from services.notifications.tables import recipients, suppressed_addresses
from waypost.kernel.stored_kinds import known_member, member_or_text


async def suppression_of(rows: AsyncConnection, address: str) -> SuppressionReason | None:
    """Why the address gets no mail, or none but those about the security of its account. Raises
    NewerKind.
    """
    found = select(suppressed_addresses.c.reason).where(suppressed_addresses.c.address == address)
    reason: str | None = (await rows.execute(found)).scalar_one_or_none()
    return None if reason is None else known_member(SuppressionReason, reason)


async def own_suppression(rows: AsyncConnection, user_id: UUID) -> SuppressionReason | str | None:
    """The same for the present address of a user."""
    address = select(recipients.c.email).where(recipients.c.user_id == user_id).scalar_subquery()
    found = select(suppressed_addresses.c.reason).where(suppressed_addresses.c.address == address)
    reason: str | None = (await rows.execute(found)).scalar_one_or_none()
    return None if reason is None else member_or_text(SuppressionReason, reason)


async def suppressions(rows: AsyncConnection, *, after: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """One page, oldest first: ids increase with time."""
    page = select(suppressed_addresses).order_by(suppressed_addresses.c.suppression_id).limit(limit)
    if after is not None:
        page = page.where(suppressed_addresses.c.suppression_id > after)
    return (await rows.execute(page)).all()
