"""Compares live and new tables, for all tenants of the rebuild."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.ids import TenantId
from waypost.ports.consumers import AsyncProjection, InlineProjection, topics_of
from waypost.ports.rebuild import Comparison, ComparisonReport
from waypost.postgres.dead_letters.rows import IS_OPEN
from waypost.postgres.rebuild.schemas import Names
from waypost.postgres.sql import Sql
from waypost.postgres.tenancy import bind_statement, is_protected, is_secret, some_at_a_time

# The sum of the rows' hashes. It does not depend on their order.
_DIGEST = """
select count(*) as rows, coalesce(sum(hashtextextended(line::text, 0)::numeric), 0) as digest from {schema}.{table} as line"""

_EXISTS = text("select to_regclass(:name) is not null")

_OPEN_DEAD_LETTERS = text(f"select count(*) from dead_letters where consumer = :consumer and {IS_OPEN}")

# An aggregate whose event failed in the rebuild has a failed dead letter, which is counted apart.
_MISSING_AGGREGATES = """
select count(*) from {schema}.versions live
left join {new_schema}.versions new on new.topic = live.topic and new.aggregate_id = live.aggregate_id
where live.topic = any (:topics) and live.version > coalesce(new.version, 0)
  and not exists (
      select from dead_letters failed where failed.consumer = :shadow and failed.topic = live.topic
        and failed.key_digest = sha256(convert_to(live.aggregate_id::text, 'UTF8')) and failed.status in ('retrying', 'dead'))"""

_MISSING_ROWS = """
select count(*) from {schema}.{table} live where not exists (select from {new_schema}.{table} new where {kept})"""

_COLUMNS = text(
    "select attname from pg_attribute where attrelid = to_regclass(:name) and attnum > 0 and not attisdropped"
)

_UNPROTECTED = text(
    """
    select c.relname, c.relrowsecurity and c.relforcerowsecurity as forced,
           (select bool_and(has_table_privilege(:role, c.oid, needed)) from unnest(array['select', 'insert', 'update', 'delete']) needed)
               as granted
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = :schema and c.relkind = 'r'
    """
)


async def compare(
    connection: AsyncConnection,
    names: Names,
    projection: AsyncProjection | InlineProjection,
    tenants: Iterable[TenantId],
) -> ComparisonReport:
    """Compares every row of both schemas. The transaction has one snapshot and no lock, because
    the duration grows with the rows.
    """
    ordered = sorted(tenants)  # close together in an index
    return ComparisonReport(
        comparisons=[await _compare(connection, names, table, ordered) for table in projection.tables.sorted_tables],
        live_dead_letters=await _open_dead_letters(connection, names.live),
        new_dead_letters=await _open_dead_letters(connection, names.shadow),
        missing_aggregates=await _missing_aggregates(connection, names, projection),
        missing_rows=await _missing_rows(connection, names, projection),
        unprotected=await _unprotected(connection, names, projection),
    )


async def check(
    connection: AsyncConnection,
    names: Names,
    projection: AsyncProjection | InlineProjection,
    comparison: ComparisonReport,
) -> ComparisonReport:
    """The comparison with the facts of now that do not need the rows, inside the swap's
    transaction.
    """
    return replace(
        comparison,
        live_dead_letters=await _open_dead_letters(connection, names.live),
        new_dead_letters=await _open_dead_letters(connection, names.shadow),
        unprotected=await _unprotected(connection, names, projection),
    )


async def _compare(connection: AsyncConnection, names: Names, table: Table, tenants: Sequence[TenantId]) -> Comparison:
    new_rows, new_hash = await _digest(connection, names.new_schema, table, tenants)
    live_rows, live_hash = None, None
    if await connection.scalar(_EXISTS, {"name": f"{names.schema}.{table.name}"}):
        live_rows, live_hash = await _digest(connection, names.schema, table, tenants)
    return Comparison(table=table.name, live_rows=live_rows, new_rows=new_rows, live_hash=live_hash, new_hash=new_hash)


async def _digest(
    connection: AsyncConnection, schema: str, table: Table, tenants: Sequence[TenantId]
) -> tuple[int, int]:
    """Reads the rows of some tenants at a time: row-level security compares each row with every
    bound tenant, so that all at once would cost the product of rows and tenants.
    """
    rows, digest = 0, 0
    for some in [()] if _is_read_as_a_whole(table) else some_at_a_time(tenants):
        await Sql(connection).execute(bind_statement(some))
        found = (await connection.execute(text(_DIGEST.format(schema=schema, table=table.name)))).one()
        rows, digest = rows + found.rows, digest + int(found.digest)
    return rows, digest


async def _open_dead_letters(connection: AsyncConnection, consumer: str) -> int:
    return int(await connection.scalar(_OPEN_DEAD_LETTERS, {"consumer": consumer}) or 0)


async def _missing_aggregates(
    connection: AsyncConnection, names: Names, projection: AsyncProjection | InlineProjection
) -> int:
    """Counts over all tenants, because the order guard knows none. An event store is complete."""
    if isinstance(projection, InlineProjection) or not await connection.scalar(
        _EXISTS, {"name": f"{names.schema}.versions"}
    ):
        return 0
    count = text(_MISSING_AGGREGATES.format(schema=names.schema, new_schema=names.new_schema))
    return int(await connection.scalar(count, {"topics": sorted(topics_of(projection)), "shadow": names.shadow}) or 0)


async def _missing_rows(
    connection: AsyncConnection, names: Names, projection: AsyncProjection | InlineProjection
) -> int:
    """Counts live primary keys that the new tables lack, and live rows with a column that is null
    only in the live row. Only such a projection never deletes a row, and fills no emptied column.
    """
    if isinstance(projection, InlineProjection) or not projection.is_repeatable:
        return 0
    missing = 0
    for table in filter(_is_read_as_a_whole, projection.tables.sorted_tables):
        if columns := (await connection.scalars(_COLUMNS, {"name": f"{names.schema}.{table.name}"})).all():
            same = [f"new.{column.name} = live.{column.name}" for column in table.primary_key]
            emptied = [column.name for column in table.columns if column.nullable and column.name in columns]
            kept = " and ".join([*same, *(f"(live.{name} is not null or new.{name} is null)" for name in emptied)])
            parts = {"schema": names.schema, "new_schema": names.new_schema, "table": table.name, "kept": kept}
            missing += int(await connection.scalar(text(_MISSING_ROWS.format(**parts))) or 0)
    return missing


def _is_read_as_a_whole(table: Table) -> bool:
    """Whether the owner reads the rows of all tenants, whichever are bound."""
    return is_secret(table) or not is_protected(table)


async def _unprotected(
    connection: AsyncConnection, names: Names, projection: AsyncProjection | InlineProjection
) -> list[str]:
    tenants_tables = {table.name for table in projection.tables.sorted_tables if is_protected(table)}
    found = await connection.execute(_UNPROTECTED, {"schema": names.new_schema, "role": f"{names.service}_app"})
    return [row.relname for row in found if not row.granted or (row.relname in tenants_tables and not row.forced)]
