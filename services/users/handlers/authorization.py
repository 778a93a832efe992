"""Who asks, as they stand in the transaction that is to do it."""

from sqlalchemy import exists, select

from services.users.tables import refresh_tokens, users
from waypost.kernel.actor import Actor, TokenRevoked
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork


async def authorize(actor: Actor, uow: UnitOfWork) -> None:
    """Raises TokenRevoked for a user who is erased, suspended or demoted, and for a session that
    has ended.

    Nothing is locked: a command that runs while its actor is shut out counts as one that came just
    before. Locks would let two admins who suspend each other wait for each other.
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
