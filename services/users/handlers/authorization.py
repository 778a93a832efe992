"""Authorization of the caller against the database, in the transaction of the command."""

from sqlalchemy import bindparam, exists, select

from services.users.tables import refresh_tokens, users
from waypost.kernel.actor import Actor, TokenRevoked
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork

_SESSION = exists().where(
    refresh_tokens.c.tenant_id == users.c.tenant_id,
    refresh_tokens.c.session_id == bindparam("session_id"),
    refresh_tokens.c.user_id == users.c.user_id,
)
_ROLE = select(users.c.role).where(users.c.user_id == bindparam("actor_id"), ~users.c.suspended, _SESSION)


async def authorize(actor: Actor, uow: UnitOfWork) -> None:
    """Raises TokenRevoked for a user who is erased, suspended or demoted, and for an ended session.

    Takes no locks: a command that runs concurrently with its actor's suspension counts as earlier.
    With locks, two admins who suspend each other could deadlock.
    """
    result = await uow.rows.execute(_ROLE, {"actor_id": actor.user_id, "session_id": actor.session_id})
    role: str | None = result.scalar_one_or_none()
    if role is None or not Role(role).covers(actor.role):
        raise TokenRevoked
