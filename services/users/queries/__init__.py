"""Queries. The caller passes the connection of a transaction that is bound to one tenant."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, exists, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from services.users.domain import Email
from services.users.domain.email import stored_forms
from services.users.queries.people import Account, UserFilter, account, accounts
from services.users.tables import (
    credentials,
    email_changes,
    invitations,
    open_invitations,
    password_reset_tokens,
    sessions,
    users,
    verification_tokens,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    user_id: UUID
    email: Email = field(repr=False)
    password_hash: str = field(repr=False)


_CREDENTIALS = (credentials.c.user_id, credentials.c.email, credentials.c.password_hash)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInData:
    tenant_exists: bool
    """Whether the bound tenant has users."""
    credentials: Credentials | None
    """None for an address without an account."""


async def sign_in_data(rows: AsyncConnection, email: Email) -> SignInData:
    """The credentials of an address, also of one that an earlier release stored with a Unicode
    domain.
    """
    held_as = credentials.c.email
    in_order = select(*_CREDENTIALS).where(held_as.in_(stored_forms(email))).order_by((held_as == email).desc())
    held = in_order.limit(1).subquery("held")
    tenant = select(exists(select(users.c.user_id)).label("is_here")).subquery("tenant")
    row = (await rows.execute(select(tenant.c.is_here, held).select_from(tenant.outerjoin(held, true())))).one()
    return SignInData(tenant_exists=row.is_here, credentials=_credentials(row) if row.user_id else None)


async def credentials_of_user(rows: AsyncConnection, user_id: UUID) -> Credentials | None:
    """None for an erased user."""
    return await _found(rows, select(*_CREDENTIALS).where(credentials.c.user_id == user_id))


async def credentials_of_verification_link(rows: AsyncConnection, digest: bytes, at: datetime) -> Credentials | None:
    """The password of the registration to which the link belongs: that of the account if the link
    has none. None for a link that is not valid.
    """
    links = verification_tokens.c
    password_hash = func.coalesce(links.password_hash, credentials.c.password_hash).label("password_hash")
    query = (
        select(credentials.c.user_id, credentials.c.email, password_hash)
        .join(verification_tokens, links.user_id == credentials.c.user_id)
        .where(links.token_hash == digest, links.expires_at > at)
    )
    return await _found(rows, query)


async def credentials_of_email_change(rows: AsyncConnection, digest: bytes, at: datetime) -> Credentials | None:
    """The user who requested the change; None for a link to a new address that is not valid."""
    changes = email_changes.c
    query = (
        select(*_CREDENTIALS)
        .join(email_changes, changes.user_id == credentials.c.user_id)
        .where(changes.token_hash == digest, changes.expires_at > at)
    )
    return await _found(rows, query)


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


async def _found(rows: AsyncConnection, query: Select[Any]) -> Credentials | None:
    row = (await rows.execute(query)).one_or_none()
    return None if row is None else _credentials(row)


def _credentials(row: Row[Any]) -> Credentials:
    return Credentials(user_id=row.user_id, email=row.email, password_hash=row.password_hash)


__all__ = [
    "Account",
    "Credentials",
    "SignInData",
    "StoredSession",
    "UserFilter",
    "account",
    "accounts",
    "address_of_invitation",
    "address_of_password_link",
    "credentials_of_email_change",
    "credentials_of_user",
    "credentials_of_verification_link",
    "has_users",
    "may_be_taken_back",
    "open_invitations_of_tenant",
    "sessions_of",
    "sign_in_data",
]
