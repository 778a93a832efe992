"""The tables of a service under test, read by tenant and by role."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import text

from waypost.kernel.ids import TenantId
from waypost.postgres.database import Database
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import connected

Row = Mapping[str, Any]

_TABLES = """
select relname as name, format('%I.%I', nspname, relname) as qualified
from pg_class join pg_namespace as space on space.oid = relnamespace join pg_attribute on attrelid = pg_class.oid
where relkind = 'r' and attname = 'tenant_id' and nspname not like 'pg_%' and has_table_privilege(pg_class.oid, 'select')
order by 1"""


class HostedTables:
    """Reads tables with the service's pool, and tables that its role may not read with another
    role.
    """

    def __init__(self, where: ServiceDatabase, database: Database) -> None:
        self.where = where
        self.database = database

    async def rows(self, tenant_id: UUID, query: str, /, **values: object) -> Sequence[Row]:
        """Rows of one tenant; `values` are the named parameters of the query."""
        async with self.database.transaction([TenantId(tenant_id)]) as connection:
            return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]

    async def row_counts(self, tenant_id: UUID) -> Mapping[str, int]:
        """The number of the tenant's rows in each table. Reads the outbox with the relay's role:
        only this role may read it.
        """
        counts = {}
        for table in await self.rows(tenant_id, _TABLES):
            query = f"select count(*) as n from {table['qualified']} where tenant_id = :tenant"
            counts[table["name"]] = (await self.rows(tenant_id, query, tenant=tenant_id))[0]["n"]
        async with connected(self.where.relay) as relay:
            counts["outbox"] = await relay.fetchval("select count(*) from outbox where tenant_id = $1", tenant_id)
        return counts

    async def event_types(self, tenant_id: UUID, aggregate_id: UUID) -> Sequence[str]:
        """Types of the aggregate's events, in the order of their versions."""
        query = "select type from events where aggregate_id = :id order by version"
        return [row["type"] for row in await self.rows(tenant_id, query, id=aggregate_id)]

    @asynccontextmanager
    async def refusing_inserts(self, table: str) -> AsyncIterator[None]:
        """Makes inserts into the table fail inside the block. The insert into `outbox` is the last
        statement of a request, so a failure there follows all other writes.
        """
        role = f"{self.where.service}_app"
        async with connected(self.where.owner) as owner:
            await owner.execute(f"revoke insert on {table} from {role}")
            try:
                yield
            finally:
                await owner.execute(f"grant insert on {table} to {role}")
