"""Addresses that are kept for their previous user, who can still take a change of address back."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select

from services.users.tables import email_changes
from waypost.ports.unit_of_work import UnitOfWork


async def is_kept_for_another(email: str, user_id: UUID, at: datetime, uow: UnitOfWork) -> bool:
    """Whether another user than this one had the address, and may take it back. Otherwise a person
    who stole an account could register its address, and block that.
    """
    changes = email_changes.c
    kept = select(changes.user_id).where(
        changes.previous_email == email, changes.cancel_expires_at > at, changes.user_id != user_id
    )
    return bool((await uow.rows.execute(select(exists(kept)))).scalar_one())
