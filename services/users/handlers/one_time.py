"""One-time tokens of mailed links: kept by their hash, used up by their first use."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Table, delete
from sqlalchemy.dialects.postgresql import insert

from services.users.domain import SealedToken, TokenNotValid, User
from waypost.ports.unit_of_work import UnitOfWork


async def keep_digest(tokens: Table, user: User, token: SealedToken, uow: UnitOfWork) -> None:
    """An earlier link stops working."""
    kept = {"token_hash": token.digest, "expires_at": token.expires_at}
    await uow.rows.execute(
        insert(tokens)
        .values(tenant_id=user.tenant_id, user_id=user.id, **kept)
        .on_conflict_do_update(index_elements=["tenant_id", "user_id"], set_=kept)
    )


async def use_up(tokens: Table, digest: bytes, at: datetime, uow: UnitOfWork) -> UUID:
    """Whose it was. The row goes with the first use, so that of two at once one is refused. Raises TokenNotValid."""
    used = delete(tokens).where(tokens.c.token_hash == digest, tokens.c.expires_at > at).returning(tokens.c.user_id)
    user_id: UUID | None = (await uow.rows.execute(used)).scalar_one_or_none()
    if user_id is None:
        raise TokenNotValid
    return user_id
