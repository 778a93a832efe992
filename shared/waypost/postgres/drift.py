"""Checks that the database matches the code, at the start of a process and before a rebuild.

Without the check at start, a missing column, table or grant would appear as the error of a single
request.
"""

from collections.abc import Iterable, Iterator, Sequence

import asyncpg
import structlog
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.errors import Misconfigured
from waypost.postgres.expected_tables import ExpectedTable, read_tables
from waypost.postgres.revisions import MigrationLine
from waypost.postgres.sql import Sql

log = structlog.get_logger()

_VERSION_TABLES = """
select name, to_regclass(name) is not null and has_table_privilege(to_regclass(name), 'select') as readable
from unnest($1::text[]) as wanted (name)"""

_COLUMNS = "select table_name, column_name from information_schema.columns where table_schema = $1"

# A privilege counts if the role has it on at least one column and may use the schema.
_TABLES = """
select n.nspname as schema, c.relname as name, c.relrowsecurity and c.relforcerowsecurity as protected,
       array(select attname from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped) as columns,
       array(
           select array[role.rolname, privilege]
           from pg_roles as role cross join unnest(array['select', 'insert', 'update', 'delete']) as privilege
           where role.rolname = any ($3::text[]) and has_schema_privilege(role.oid, n.oid, 'usage')
             and case privilege when 'delete' then has_table_privilege(role.oid, c.oid, 'delete')
                 else has_any_column_privilege(role.oid, c.oid, privilege) end
       ) as privileges
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and (n.nspname, c.relname) in (select * from unnest($1::text[], $2::text[]))"""


async def refuse_pending_migrations(connection: AsyncConnection, service: str, lines: Sequence[MigrationLine]) -> None:
    """Raises Misconfigured if the database lacks migrations.

    Accepts a database that a newer release migrated, because old processes still run during a
    deployment.
    """
    for line, current in await _versions(connection, lines):
        if pending := line.pending(current):
            raise Misconfigured(
                f"the database of {service} lacks migrations of {line.owner}: {', '.join(pending)}"
                f" (it is at {current or 'none'}). Run `waypost migrate {service}`",
                pending=pending,
            )
        if not line.knows(current):
            log.warning("database_newer_than_code", owner=line.owner, version=current, newest=line.revisions[-1])


async def refuse_rebuild_by_older_code(
    connection: AsyncConnection, service: str, lines: Sequence[MigrationLine], schema: str, tables: MetaData
) -> None:
    """Raises Misconfigured if a rebuild would drop tables or columns of the live projection that
    this release lacks, or if the versions of database and code differ.
    """
    for line, current in await _versions(connection, lines):
        if not line.knows(current):
            raise Misconfigured(
                f"the database of {service} is at version {current} of {line.owner}, which this release does not have"
                f" (its newest is {line.revisions[-1]}): a newer release migrated it. A rebuild by this release would"
                " drop what the newer one added. Rebuild with that release"
            )
    await refuse_pending_migrations(connection, service, lines)
    known = {(table.name, column) for table in read_tables(schema, tables) for column in table.columns}
    live = {(row["table_name"], row["column_name"]) for row in await Sql(connection).fetch(_COLUMNS, schema)}
    if lost := [f"{schema}.{table}.{column}" for table, column in sorted(live - known)]:
        raise Misconfigured(
            f"the database of {service} has columns that this release does not declare: {', '.join(lost)}. A rebuild"
            " creates the tables from the declaration, and would drop them. Declare them in tables.py, drop them by a"
            " migration, or rebuild with the release that declares them",
            lost=lost,
        )


async def _versions(
    connection: AsyncConnection, lines: Sequence[MigrationLine]
) -> Sequence[tuple[MigrationLine, str | None]]:
    rows = await Sql(connection).fetch(_VERSION_TABLES, [line.version_table for line in lines])
    readable = {row["name"] for row in rows if row["readable"]}
    return [
        (
            line,
            await Sql(connection).fetchval(f"select version_num from {line.version_table}")
            if line.version_table in readable
            else None,
        )
        for line in lines
    ]


async def refuse_drift(connection: AsyncConnection, service: str, tables: Iterable[ExpectedTable]) -> None:
    """Raises Misconfigured with one line for each missing table, column, privilege or policy."""
    expected = list(tables)
    names = [[table.schema for table in expected], [table.name for table in expected]]
    roles = [f"{service}_{role}" for role in ("app", "relay", "ops")]
    actual = {(row["schema"], row["name"]): row for row in await Sql(connection).fetch(_TABLES, *names, roles)}
    missing = [line for table in expected for line in _missing(service, table, actual.get((table.schema, table.name)))]
    if missing:
        raise Misconfigured(
            f"the database of {service} differs from what this release needs, and requests would fail:\n"
            + "\n".join(f"  {line}" for line in missing)
            + f"\nIf the code is new, add a migration to services/{service}/migrations/versions that makes the change."
            " If the database was changed by hand, undo the change or restore a backup",
            missing=missing,
        )


def _missing(service: str, expected: ExpectedTable, actual: asyncpg.Record | None) -> Iterator[str]:
    table = f"{expected.schema}.{expected.name}"
    if actual is None:
        yield f"table {table} is missing"
        return
    for column in sorted(expected.columns - set(actual["columns"])):
        yield f"column {table}.{column} is missing"
    if expected.protected and not actual["protected"]:
        yield f"table {table} has no forced row-level security: create it through waypost.postgres.migration.protect"
    granted = {tuple(privilege) for privilege in actual["privileges"]}
    for role, privilege in sorted(expected.privileges):
        if (f"{service}_{role}", privilege) not in granted:
            yield f"role {service}_{role} may not {privilege} on {table}: grant {privilege} on {table} to {service}_{role}"
