"""Queries. The caller passes the connection of a transaction that is bound to one tenant."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.users.domain import Email, UserStatus
from services.users.domain.email import unicode_form
from services.users.tables import (
    credentials,
    email_changes,
    invitations,
    open_invitations,
    password_reset_tokens,
    sessions,
    users,
)
from waypost.kernel.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user in the read model."""

    id: UUID
    tenant_id: UUID
    email: str = field(repr=False)
    display_name: str = field(repr=False)
    role: str
    locale: str
    status: UserStatus
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    user_id: UUID
    password_hash: str = field(repr=False)


async def account(rows: AsyncConnection, user_id: UUID) -> Account:
    """Raises NotFound, also for another tenant's user."""
    row = (await rows.execute(select(users).where(users.c.user_id == user_id))).one_or_none()
    if row is None:
        raise NotFound(f"there is no user {user_id}")
    return _account(row)


async def accounts(rows: AsyncConnection, *, after: UUID | None, limit: int) -> Sequence[Account]:
    """One page of accounts, in the order of registration: ids increase with time."""
    page = select(users).order_by(users.c.user_id).limit(limit)
    if after is not None:
        page = page.where(users.c.user_id > after)
    return [_account(row) for row in await rows.execute(page)]


async def open_invitations_of_tenant(
    rows: AsyncConnection, *, status: str | None, at: datetime, after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """One page of invitations and requests that have not expired, oldest first."""
    page = (
        select(invitations, open_invitations.c.expires_at)
        .join(open_invitations, open_invitations.c.invitation_id == invitations.c.invitation_id)
        .where(open_invitations.c.expires_at > at)
        .order_by(invitations.c.invitation_id)
        .limit(limit)
    )
    if status is not None:
        page = page.where(invitations.c.status == status)
    if after is not None:
        page = page.where(invitations.c.invitation_id > after)
    return (await rows.execute(page)).all()


async def credentials_of(rows: AsyncConnection, email: Email) -> Credentials | None:
    """Also of an address that an earlier release stored with a Unicode domain."""
    forms = [form for form in (email, unicode_form(email)) if form is not None]
    held = select(credentials.c.user_id, credentials.c.password_hash).where(credentials.c.email.in_(forms))
    row = (await rows.execute(held.order_by((credentials.c.email == email).desc()).limit(1))).one_or_none()
    return row and Credentials(user_id=row.user_id, password_hash=row.password_hash)


async def password_hash_of(rows: AsyncConnection, user_id: UUID) -> str | None:
    """The hash of the password of a user; None for an erased user."""
    held = select(credentials.c.password_hash).where(credentials.c.user_id == user_id)
    password_hash: str | None = (await rows.execute(held)).scalar_one_or_none()
    return password_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A session as its user sees it."""

    session_id: UUID
    opened_at: datetime
    used_at: datetime
    expires_at: datetime
    user_agent: str = field(repr=False)


async def sessions_of(
    rows: AsyncConnection, user_id: UUID, *, now: datetime, after: UUID | None, limit: int
) -> Sequence[StoredSession]:
    """One page of the sessions that have not expired, in the order of their sign-ins."""
    shown = [sessions.c[each.name] for each in fields(StoredSession)]
    page = select(*shown).where(sessions.c.user_id == user_id, sessions.c.expires_at > now)
    if after is not None:
        page = page.where(sessions.c.session_id > after)
    ordered = page.order_by(sessions.c.session_id).limit(limit)
    return [StoredSession(**row._mapping) for row in await rows.execute(ordered)]


async def has_users(rows: AsyncConnection) -> bool:
    """Whether the bound tenant exists."""
    return bool((await rows.execute(select(exists(select(users.c.user_id))))).scalar_one())


async def address_of(rows: AsyncConnection, user_id: UUID) -> Email | None:
    """The address of a user; None for an erased user."""
    address: Email | None = (
        await rows.execute(select(credentials.c.email).where(credentials.c.user_id == user_id))
    ).scalar_one_or_none()
    return address


async def address_of_password_link(rows: AsyncConnection, digest: bytes, at: datetime) -> Email | None:
    """The address to which the link was mailed; None for a link that is not valid."""
    links = password_reset_tokens.c
    owner = select(links.user_id).where(links.token_hash == digest, links.expires_at > at).scalar_subquery()
    address: Email | None = (
        await rows.execute(select(credentials.c.email).where(credentials.c.user_id == owner))
    ).scalar_one_or_none()
    return address


async def address_of_invitation(rows: AsyncConnection, digest: bytes, at: datetime) -> Email | None:
    """The invited address; None for a link that is not valid."""
    links = open_invitations.c
    query = select(links.email).where(links.token_hash == digest, links.expires_at > at)
    address: Email | None = (await rows.execute(query)).scalar_one_or_none()
    return address


async def may_be_taken_back(rows: AsyncConnection, digest: bytes, at: datetime) -> bool:
    """Whether the token cancels a change of address, or takes it back."""
    changes = email_changes.c
    link = select(changes.user_id).where(changes.cancel_token_hash == digest, changes.cancel_expires_at > at)
    return bool((await rows.execute(select(exists(link)))).scalar_one())


def _account(row: Row[Any]) -> Account:
    return Account(
        id=row.user_id,
        tenant_id=row.tenant_id,
        email=row.email,
        display_name=row.display_name,
        role=row.role,
        locale=row.locale,
        status=UserStatus.of(verified=row.verified, suspended=row.suspended),
        version=row.version,
    )
