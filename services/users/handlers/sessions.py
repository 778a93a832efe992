"""Signing in and staying signed in: refresh tokens that are used once, each followed by the next (RFC 9700, section 4.14)."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, select, update

from services.users.commands import CloseSession, OpenSession, RenewSession
from services.users.domain import SignInRefused, Tenant, TenantStatus, User
from services.users.tables import refresh_tokens
from shared.ports.unit_of_work import UnitOfWork


async def open_session(command: OpenSession, uow: UnitOfWork) -> User:
    """Raises SignInRefused."""
    user = await uow.load(User, command.user_id)
    if not await _may_sign_in(user, uow):
        raise SignInRefused
    await uow.rows.execute(
        insert(refresh_tokens).values(
            tenant_id=user.tenant_id,
            token_hash=command.refresh_token.digest,
            session_id=command.session_id,
            user_id=user.id,
            expires_at=command.refresh_token.expires_at,
        )
    )
    return user


async def renew_session(command: RenewSession, uow: UnitOfWork) -> User | None:
    token = await _locked(command.digest, uow)
    if token is None or token.expires_at <= command.at:
        return None
    user = await uow.load(User, token.user_id)
    # A token that comes twice was copied. Whose copy came first cannot be known: both are shut out.
    if token.used_at is not None or not await _may_sign_in(user, uow):
        await _end_session(token.session_id, uow)
        return None
    await _follow(token, command, uow)
    return user


async def close_session(command: CloseSession, uow: UnitOfWork) -> None:
    """An unknown token is fine: its session is closed."""
    token = await _locked(command.digest, uow)
    if token is not None:
        await _end_session(token.session_id, uow)


async def end_sessions_of(user: User, uow: UnitOfWork) -> None:
    """What is signed in stays so until its access token expires, ten minutes at most."""
    await uow.rows.execute(delete(refresh_tokens).where(refresh_tokens.c.user_id == user.id))


async def _locked(digest: bytes, uow: UnitOfWork) -> Row[Any] | None:
    """Two uses of one token at the same time come one after the other."""
    found = await uow.rows.execute(
        select(refresh_tokens).where(refresh_tokens.c.token_hash == digest).with_for_update()
    )
    return found.one_or_none()


async def _follow(token: Row[Any], command: RenewSession, uow: UnitOfWork) -> None:
    """The session keeps the expiry that it began with: nobody stays signed in for ever on stolen tokens."""
    await uow.rows.execute(
        update(refresh_tokens).where(refresh_tokens.c.token_hash == command.digest).values(used_at=command.at)
    )
    await uow.rows.execute(
        insert(refresh_tokens).values(
            tenant_id=token.tenant_id,
            token_hash=command.successor,
            session_id=token.session_id,
            user_id=token.user_id,
            expires_at=token.expires_at,
        )
    )


async def _end_session(session_id: UUID, uow: UnitOfWork) -> None:
    await uow.rows.execute(delete(refresh_tokens).where(refresh_tokens.c.session_id == session_id))


async def _may_sign_in(user: User, uow: UnitOfWork) -> bool:
    tenant = await uow.load(Tenant, user.tenant_id)
    return user.may_sign_in and tenant.status is TenantStatus.OPEN
