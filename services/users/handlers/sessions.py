"""Sessions: refresh tokens that are used once and rotated (RFC 9700, section 4.14)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.users.commands import CloseSession, OpenSession, RefreshToken, RenewSession, Session
from services.users.commands.identity import EndSession, EndSessions
from services.users.domain import SESSION_LIFETIME, OwnerIsProtected, SignInRefused, Tenant, TenantStatus, User
from services.users.tables import credentials, email_changes, refresh_tokens, sessions
from waypost.kernel.errors import NotFound
from waypost.kernel.role import Role
from waypost.ports.unit_of_work import UnitOfWork


async def open_session(command: OpenSession, uow: UnitOfWork) -> User:
    """Raises SignInRefused."""
    if await lock_password_hash(command.user_id, uow) != command.verified_hash:
        raise SignInRefused
    user = await uow.load(User, command.user_id)
    await begin_session(user, command.session_id, command.refresh_token, uow)
    return user


async def renew_session(command: RenewSession, uow: UnitOfWork) -> Session | None:
    token = await _lock_token(command.digest, uow)
    if token is None or token.expires_at <= command.at:
        return None
    user = await uow.load(User, token.user_id)
    # A token that is used twice was copied. It is unknown which use is legitimate, so both sessions
    # end.
    if token.used_at is not None or not await _may_sign_in(user, uow):
        await _end(user, token.session_id, command.at, uow)
        return None
    await _rotate(token, command, uow)
    return Session(user=user, session_id=token.session_id)


async def close_session(command: CloseSession, uow: UnitOfWork) -> None:
    """Ends the session of a token. Does nothing for an unknown token, whose session has ended."""
    token = await _lock_token(command.digest, uow)
    if token is not None:
        await _end(await uow.load(User, token.user_id), token.session_id, command.at, uow)


async def end_session(command: EndSession, uow: UnitOfWork) -> None:
    """Raises NotFound for an unknown or ended session, and for another user's."""
    await lock_credentials(command.user_id, uow)
    held = select(refresh_tokens.c.session_id).where(
        refresh_tokens.c.session_id == command.session_id, refresh_tokens.c.user_id == command.user_id
    )
    if (await uow.rows.execute(held.limit(1))).scalar_one_or_none() is None:
        raise NotFound(f"there is no session {command.session_id}")
    await _end(await uow.load(User, command.user_id), command.session_id, command.at, uow)


async def end_sessions(command: EndSessions, uow: UnitOfWork) -> None:
    """Does nothing for a user without sessions. Raises NotFound, OwnerIsProtected."""
    user = await uow.load(User, command.user_id)
    user.require_present()
    if user.role is Role.OWNER and command.actor_id != user.id:
        raise OwnerIsProtected
    if await end_sessions_of(user, uow):
        user.end_sessions(command.at)


async def end_sessions_of(user: User, uow: UnitOfWork) -> bool:
    """Ends the user's sessions, and returns whether there were any. Their access tokens are refused
    by this service at once, and by others a little later (decision 0016): the caller records the
    event from which they learn it. Also ends a change of address that is not proved yet, because a
    thief may have requested it in such a session.

    The lock waits for concurrent sign-ins and renewals, so that their tokens are deleted too.
    """
    await lock_credentials(user.id, uow)
    await uow.rows.execute(delete(sessions).where(sessions.c.user_id == user.id))
    pending = email_changes.c.token_hash.is_not(None)
    await uow.rows.execute(delete(email_changes).where(email_changes.c.user_id == user.id, pending))
    return bool((await uow.rows.execute(delete(refresh_tokens).where(refresh_tokens.c.user_id == user.id))).rowcount)


async def begin_session(user: User, session_id: UUID, token: RefreshToken, uow: UnitOfWork) -> None:
    """Raises SignInRefused."""
    if not await _may_sign_in(user, uow):
        raise SignInRefused
    await uow.rows.execute(
        insert(refresh_tokens).values(
            tenant_id=user.tenant_id,
            token_hash=token.digest,
            session_id=session_id,
            user_id=user.id,
            expires_at=token.expires_at,
        )
    )
    await uow.rows.execute(
        insert(sessions).values(
            tenant_id=user.tenant_id,
            session_id=session_id,
            user_id=user.id,
            user_agent=token.user_agent,
            opened_at=token.opened_at,
            used_at=token.opened_at,
            confirmed_at=token.opened_at,
            expires_at=token.expires_at,
        )
    )


async def lock_credentials(user_id: UUID, uow: UnitOfWork) -> None:
    """Locks the user's credentials against sign-ins, renewals and all other changes."""
    await uow.rows.execute(select(credentials.c.user_id).where(credentials.c.user_id == user_id).with_for_update())


async def lock_password_hash(user_id: UUID, uow: UnitOfWork) -> str | None:
    """The password hash, with a share lock: until this transaction ends, no other can change the
    password or end the user's sessions.
    """
    query = select(credentials.c.password_hash).where(credentials.c.user_id == user_id)
    password_hash: str | None = (await uow.rows.execute(query.with_for_update(read=True))).scalar_one_or_none()
    return password_hash


async def _lock_token(digest: bytes, uow: UnitOfWork) -> Row[Any] | None:
    """Locks the token, so that concurrent uses of one token are serialized.

    Locks the credentials before the token, in the same order as `end_sessions_of`. The lock is
    exclusive: the reuse of one token waits for the renewal of its successor, and ends that too.
    """
    owner = select(refresh_tokens.c.user_id).where(refresh_tokens.c.token_hash == digest)
    user_id = (await uow.rows.execute(owner)).scalar_one_or_none()
    if user_id is None:
        return None
    await lock_credentials(user_id, uow)
    result = await uow.rows.execute(
        select(refresh_tokens).where(refresh_tokens.c.token_hash == digest).with_for_update()
    )
    return result.one_or_none()


async def _rotate(token: Row[Any], command: RenewSession, uow: UnitOfWork) -> None:
    """Replaces the token. The session keeps its original expiry, so that a stolen token cannot
    extend it without limit.
    """
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
    opened_at = token.expires_at - SESSION_LIFETIME
    row = upsert(sessions).values(
        tenant_id=token.tenant_id,
        session_id=token.session_id,
        user_id=token.user_id,
        user_agent="",
        opened_at=opened_at,
        used_at=command.at,
        confirmed_at=opened_at,
        expires_at=token.expires_at,
    )
    # Inserts the row of a session from before the table.
    await uow.rows.execute(
        row.on_conflict_do_update(index_elements=["tenant_id", "session_id"], set_={"used_at": command.at})
    )


async def _end(user: User, session_id: UUID, at: datetime, uow: UnitOfWork) -> None:
    """The caller has locked the credentials."""
    for table in (sessions, refresh_tokens):  # the order of `end_sessions_of`
        await uow.rows.execute(delete(table).where(table.c.session_id == session_id))
    user.end_sessions(at, session_id)


async def _may_sign_in(user: User, uow: UnitOfWork) -> bool:
    tenant = await uow.load(Tenant, user.tenant_id)
    return user.may_sign_in and tenant.status is TenantStatus.OPEN
