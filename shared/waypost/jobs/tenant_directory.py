"""The directory of all tenants, for schedules. Each service projects its own directory from the
topic of tenants.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, MetaData, Table, Text, Uuid, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.jobs.declaration import ListTenants
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.ports.consumers import AsyncProjection
from waypost.postgres.sql import Sql
from waypost.postgres.tenancy import ACROSS_TENANTS, bind_statement, some_at_a_time

TENANTS = MetaData()

tenant_directory = Table(
    "tenant_directory",
    TENANTS,
    Column("tenant_id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    info=ACROSS_TENANTS,
)

_OPEN, _CLOSED = "open", "closed"


def tenants_projection(*, created: type[Event], renamed: type[Event], closed: type[Event]) -> AsyncProjection:
    """The async projection of the directory. `created` and `renamed` carry the tenant's `name`."""
    return AsyncProjection("tenants", {created: _add, renamed: _rename, closed: _close}, TENANTS)


def tenants_of(*events: type[Event]) -> AsyncProjection:
    """A directory for an application whose tenants are managed elsewhere.

    A tenant is known from the first of these events, and stays open; it has no name.
    """
    return AsyncProjection("tenants", dict.fromkeys(events, _add_once), TENANTS)


async def open_tenants(rows: AsyncConnection) -> Sequence[TenantId]:
    """Tenants that are not closed."""
    columns = tenant_directory.c
    query = select(columns.tenant_id).where(columns.status != _CLOSED).order_by(columns.tenant_id)
    return [TenantId(tenant_id) for tenant_id in (await rows.execute(query)).scalars()]


async def all_tenants(rows: AsyncConnection) -> Sequence[TenantId]:
    """All tenants, closed ones included, whose stored data must expire too."""
    query = select(tenant_directory.c.tenant_id).order_by(tenant_directory.c.tenant_id)
    return [TenantId(tenant_id) for tenant_id in (await rows.execute(query)).scalars()]


def tenants_with_rows(select_tenants: ListTenants, *, among: ListTenants = all_tenants) -> ListTenants:
    """Tenants that `select_tenants` returns, run for groups of the tenants of `among`: by default
    all, closed ones included.
    """

    async def listed(rows: AsyncConnection) -> Sequence[TenantId]:
        tenants: list[TenantId] = []
        for some in some_at_a_time(await among(rows)):
            await Sql(rows).execute(bind_statement(some))
            tenants += await select_tenants(rows)
        return tenants

    return listed


async def _add(created: Sequence[Envelope[Any]], rows: AsyncConnection) -> None:
    await rows.execute(
        insert(tenant_directory),
        [{"tenant_id": envelope.tenant_id, "name": envelope.event.name, "status": _OPEN} for envelope in created],
    )


async def _add_once(envelopes: Sequence[Envelope[Any]], rows: AsyncConnection) -> None:
    known = sorted({each.tenant_id for each in envelopes})
    values = [{"tenant_id": each, "name": "", "status": _OPEN} for each in known]
    await rows.execute(insert_or_skip(tenant_directory).values(values).on_conflict_do_nothing())


async def _rename(renamed: Sequence[Envelope[Any]], rows: AsyncConnection) -> None:
    await rows.execute(
        update(tenant_directory)
        .where(tenant_directory.c.tenant_id == bindparam("of_tenant"))
        .values(name=bindparam("new_name")),
        [{"of_tenant": envelope.tenant_id, "new_name": envelope.event.name} for envelope in renamed],
    )


async def _close(closed: Sequence[Envelope[Any]], rows: AsyncConnection) -> None:
    await rows.execute(
        update(tenant_directory)
        .where(tenant_directory.c.tenant_id.in_([envelope.tenant_id for envelope in closed]))
        .values(status=_CLOSED)
    )
