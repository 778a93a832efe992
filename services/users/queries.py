"""Queries. The caller passes the connection of a transaction that is bound to one tenant."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.users.domain import Email, UserStatus
from services.users.tables import credentials, password_reset_tokens, users
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


async def credentials_of(rows: AsyncConnection, email: Email) -> Credentials | None:
    row = (
        await rows.execute(
            select(credentials.c.user_id, credentials.c.password_hash).where(credentials.c.email == email)
        )
    ).one_or_none()
    return row and Credentials(user_id=row.user_id, password_hash=row.password_hash)


async def password_hash_of(rows: AsyncConnection, user_id: UUID) -> str | None:
    """The hash of the password of a user; None for an erased user."""
    held = select(credentials.c.password_hash).where(credentials.c.user_id == user_id)
    password_hash: str | None = (await rows.execute(held)).scalar_one_or_none()
    return password_hash


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
