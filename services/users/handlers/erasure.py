"""The erasure of a user, with all that belongs to the addresses."""

from datetime import datetime

from sqlalchemy import delete, select

from services.users.domain import User, Withdrawal
from services.users.handlers.invitations import withdraw_invitations
from services.users.handlers.sessions import end_sessions_of
from services.users.handlers.sign_in_attempts import forget_failures
from services.users.tables import (
    credentials,
    email_changes,
    open_invitations,
    password_reset_tokens,
    verification_tokens,
)
from waypost.ports.unit_of_work import UnitOfWork


async def erase(user: User, at: datetime, uow: UnitOfWork) -> None:
    """Also withdraws the invitations of the user's address, of the previous one and of the one to
    which a change was requested. The caller has checked that the user may be erased.
    """
    query = select(email_changes.c.email, email_changes.c.previous_email).where(email_changes.c.user_id == user.id)
    change = (await uow.rows.execute(query)).one_or_none()
    addresses = {user.email, *(change or ())}
    user.erase(at)
    await end_sessions_of(user, uow)
    await forget_failures(user.id, uow)
    await withdraw_invitations(Withdrawal.ERASED, at, uow, open_invitations.c.email.in_(sorted(addresses)))
    for table in (credentials, verification_tokens, password_reset_tokens, email_changes):
        await uow.rows.execute(delete(table).where(table.c.user_id == user.id))
    await uow.events.erase_personal_data(User.aggregate_type, user.id)
    await uow.destroy_person_key(user.tenant_id, user.id)
