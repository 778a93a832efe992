"""Authorization of the caller against the database, in the transaction of the command."""

from sqlalchemy import exists, select

from services.users.tables import refresh_tokens, users
from waypost.kernel.actor import Actor, TokenRevoked
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork


async def authorize(actor: Actor, uow: UnitOfWork) -> None:
    """Raises TokenRevoked for a user who is erased, suspended or demoted, and for an ended session.

    Takes no locks: a command that runs concurrently with its actor's suspension counts as earlier.
    With locks, two admins who suspend each other could deadlock.
    """
    session = exists().where(
        refresh_tokens.c.tenant_id == users.c.tenant_id,
        refresh_tokens.c.session_id == actor.session_id,
        refresh_tokens.c.user_id == users.c.user_id,
    )
    result = await uow.rows.execute(
        select(users.c.role).where(users.c.user_id == actor.user_id, ~users.c.suspended, session)
    )
    role: str | None = result.scalar_one_or_none()
    if role is None or not Role(role).covers(actor.role):
        raise TokenRevoked
