"""One-time tokens of mailed links: stored as a hash, and deleted at the first use."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table, delete, select
from sqlalchemy.dialects.postgresql import insert

from services.users.domain import SealedToken, TokenNotValid, User
from services.users.tables import credentials
from waypost.ports.unit_of_work import UnitOfWork


async def store_token_hash(
    tokens: Table, user: User, token: SealedToken, uow: UnitOfWork, **columns: str | None
) -> None:
    """Stores the hash and replaces the user's earlier link. `columns`: values of further columns of
    the table.
    """
    stored = {"token_hash": token.digest, "expires_at": token.expires_at, **columns}
    await uow.rows.execute(
        insert(tokens)
        .values(tenant_id=user.tenant_id, user_id=user.id, **stored)
        .on_conflict_do_update(index_elements=["tenant_id", "user_id"], set_=stored)
    )


async def lock_token_owner(tokens: Table, digest: bytes, uow: UnitOfWork) -> None:
    """Locks the credentials of the token's user, before the token. All commands that change a
    password or erase a user lock in this order, which prevents deadlocks.
    """
    holder = select(tokens.c.user_id).where(tokens.c.token_hash == digest).scalar_subquery()
    await uow.rows.execute(select(credentials.c.user_id).where(credentials.c.user_id == holder).with_for_update())


async def consume_token(tokens: Table, digest: bytes, at: datetime, uow: UnitOfWork) -> Row[Any]:
    """Deletes the token and returns its row. Of two concurrent uses one raises TokenNotValid, like
    an unknown or expired token.
    """
    statement = delete(tokens).where(tokens.c.token_hash == digest, tokens.c.expires_at > at).returning(*tokens.c)
    row = (await uow.rows.execute(statement)).one_or_none()
    if row is None:
        raise TokenNotValid
    return row
