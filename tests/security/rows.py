"""The rows of a tenant in one database, as a superuser sees them."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import connected

_TABLES = """
select format('%I.%I', nspname, relname) as name
from pg_class join pg_namespace as space on space.oid = relnamespace join pg_attribute on attrelid = pg_class.oid
where relkind in ('r', 'p') and attname = 'tenant_id' and nspname not like 'pg\\_%' order by 1"""


def superuser_dsn(admin_dsn: str, where: ServiceDatabase) -> str:
    return f"{admin_dsn.rpartition('/')[0]}/{where.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRows:
    tables: Mapping[str, Counter[str]]
    """The rows of each table, as JSON."""

    def without(self, later: "TenantRows") -> Mapping[str, Counter[str]]:
        """Rows that `later` does not have: they were changed or deleted."""
        lost = {table: rows - later.tables[table] for table, rows in self.tables.items()}
        return {table: rows for table, rows in lost.items() if rows}

    def values(self) -> Iterator[tuple[str, str]]:
        """Column and text of each value."""
        for rows in self.tables.values():
            for row in rows:
                yield from ((name, value) for name, value in json.loads(row).items() if isinstance(value, str))

    def ids(self) -> Mapping[str, str]:
        """The column of each id. An id in several columns has the first one."""
        found: dict[str, str] = {}
        for column, value in self.values():
            if _is_uuid(value):
                found.setdefault(value, column)
        return found


async def rows_of(dsn: str, tenant_id: UUID) -> TenantRows:
    async with connected(dsn) as superuser:
        tables = [row["name"] for row in await superuser.fetch(_TABLES)]
        return TenantRows(tables={table: await _rows(superuser, table, tenant_id) for table in tables})


async def _rows(superuser: asyncpg.Connection, table: str, tenant_id: UUID) -> Counter[str]:
    query = f"select to_jsonb(each)::text as row from {table} as each where tenant_id = $1"
    return Counter(row["row"] for row in await superuser.fetch(query, tenant_id))


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
