"""Users of a tenant: one, and the list with its filters and its search.

A search finds the beginning of an address or of a display name, without regard to case. The columns
`email_key` and `name_key` hold both in the form in which they are compared
(`services.users.tables.folded`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.users.domain import UserStatus
from services.users.tables import folded, users
from waypost.kernel.errors import NotFound
from waypost.kernel.role import Role


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
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFilter:
    """None selects all."""

    search: str | None = field(default=None, repr=False)
    """The beginning of an address or of a display name."""
    role: Role | None = None
    status: UserStatus | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


EVERYONE = UserFilter()

_COLUMNS = [column for column in users.c if column.computed is None]

_BEGINNING = folded("cast(:search as text)")
# chr(1114111) is the last code point, never a character: texts with the beginning are below it.
_SEARCH = " or ".join(
    f'(users.{key} >= {_BEGINNING} and users.{key} < ({_BEGINNING} || chr(1114111)) collate "C")'
    for key in ("email_key", "name_key")
)


async def account(rows: AsyncConnection, user_id: UUID) -> Account:
    """Raises NotFound, also for another tenant's user."""
    row = (await rows.execute(select(*_COLUMNS).where(users.c.user_id == user_id))).one_or_none()
    if row is None:
        raise NotFound(f"there is no user {user_id}")
    return _account(row)


async def accounts(
    rows: AsyncConnection, tenant_id: UUID, wanted: UserFilter = EVERYONE, *, after: UUID | None, limit: int
) -> Sequence[Account]:
    """One page of accounts, in the order of registration: ids increase with time.

    A search is planned for its text. A plan for any text would assume that many rows match, and
    read the whole tenant for a rare one.
    """
    if wanted.search is not None:
        await rows.execute(text("set local plan_cache_mode = force_custom_plan"))
    return [_account(row) for row in await rows.execute(page_of(tenant_id, wanted, after=after, limit=limit))]


def page_of(tenant_id: UUID, wanted: UserFilter, *, after: UUID | None, limit: int) -> Select[Any]:
    """The query of one page. It names the tenant, although row-level security does too: with one
    tenant, the primary key has the rows in the order of the page.
    """
    page = select(*_COLUMNS).where(users.c.tenant_id == tenant_id, *_conditions(wanted))
    if after is not None:
        page = page.where(users.c.user_id > after)
    return page.order_by(users.c.user_id).limit(limit)


def _conditions(wanted: UserFilter) -> Iterator[ColumnElement[bool] | TextClause]:
    if wanted.search is not None:
        yield text(f"({_SEARCH})").bindparams(search=wanted.search)
    if wanted.role is not None:
        yield users.c.role == wanted.role.value
    if wanted.status is not None:
        yield from _of_status(wanted.status)
    if wanted.created_from is not None:
        yield users.c.created_at >= wanted.created_from
    if wanted.created_before is not None:
        yield users.c.created_at < wanted.created_before


def _of_status(status: UserStatus) -> Iterator[ColumnElement[bool]]:
    """As `UserStatus.of` derives it. An erased user has no row."""
    match status:
        case UserStatus.SUSPENDED:
            yield users.c.suspended
        case UserStatus.ACTIVE:
            yield from (users.c.verified, ~users.c.suspended)
        case UserStatus.UNVERIFIED:
            yield from (~users.c.verified, ~users.c.suspended)
        case UserStatus.ERASED:
            yield users.c.user_id.is_(None)


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
        created_at=row.created_at,
    )
