"""Confirmations: a final change needs a password that was proved a short time ago."""

from datetime import datetime, timedelta

from sqlalchemy import select, update

from services.users.commands.identity import ActingUser, ConfirmSession
from services.users.domain import ConfirmationRequired, PasswordRefused, SignInRefused
from services.users.handlers.sessions import lock_password_hash
from services.users.tables import sessions
from waypost.ports.unit_of_work import UnitOfWork

CONFIRMED_FOR = timedelta(minutes=5)


async def confirm_session(command: ConfirmSession, uow: UnitOfWork) -> None:
    """Raises PasswordRefused if the password was changed meanwhile, SignInRefused for a session
    from before the table of sessions, until it is refreshed.
    """
    if await lock_password_hash(command.user_id, uow) != command.verified_hash:
        raise PasswordRefused
    confirmed = (
        update(sessions)
        .where(sessions.c.session_id == command.session_id, sessions.c.user_id == command.user_id)
        .values(confirmed_at=command.at)
    )
    if not (await uow.rows.execute(confirmed)).rowcount:
        raise SignInRefused("sign in again")


async def require_confirmed(actor: ActingUser, at: datetime, uow: UnitOfWork) -> None:
    """Raises ConfirmationRequired unless the actor signed in with this session, or proved the
    password in it, at most `CONFIRMED_FOR` ago.
    """
    query = select(sessions.c.confirmed_at).where(
        sessions.c.session_id == actor.session_id, sessions.c.user_id == actor.user_id
    )
    confirmed_at: datetime | None = (await uow.rows.execute(query)).scalar_one_or_none()
    if confirmed_at is None or at - confirmed_at > CONFIRMED_FOR:
        raise ConfirmationRequired
