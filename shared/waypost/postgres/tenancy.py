"""Row-level security: the policy of every tenant table, and the check that no table lacks it.

The bound tenants are a transaction-local setting. They are a set, so that one transaction can
process events of many tenants. Without bound tenants a transaction reads no rows. FORCE applies the
policy to the owner as well.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from waypost.kernel.errors import Misconfigured
from waypost.kernel.ids import TenantId
from waypost.postgres.sql import Sql
from waypost.project import variable

if TYPE_CHECKING:  # a command that only reads does not load SQLAlchemy
    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

_BOUND = "(select string_to_array(nullif(current_setting('app.tenants', true), ''), ',')::uuid[])::uuid[]"

ACROSS_TENANTS = {"across_tenants": True}
"""`Table(..., info=ACROSS_TENANTS)`: an operational table that is read over all tenants. Each row
still has its tenant.
"""


def setting(tenants: Iterable[TenantId]) -> str:
    """The value of `app.tenants`."""
    return ",".join(map(UUID.__str__, tenants))


def bound_transaction(tenants: Iterable[TenantId]) -> str:
    """Statements that begin a transaction bound to the tenants, for one round trip. `setting`
    contains only hexadecimal digits, `-` and `,`.
    """
    return f"begin; {bind_statement(tenants)}"


def bind_statement(tenants: Iterable[TenantId]) -> str:
    """A statement that binds the running transaction to the tenants: without an argument or a
    result, because it runs for each tenant of a batch.
    """
    return f"set local app.tenants = '{setting(tenants)}'"


TENANTS_AT_ONCE = 500


def some_at_a_time(tenants: Sequence[TenantId]) -> Iterator[Sequence[TenantId]]:
    """Splits the tenants into groups for one statement each, because there may be any number of
    tenants.
    """
    return (tenants[at : at + TENANTS_AT_ONCE] for at in range(0, len(tenants), TENANTS_AT_ONCE))


def protect(table: str) -> Iterator[str]:
    """Statements that protect `table`, which has a column tenant_id, by row-level security."""
    yield f"alter table {table} enable row level security"
    yield f"alter table {table} force row level security"
    yield (
        f"create policy tenants on {table} using (tenant_id = any ({_BOUND})) with check (tenant_id = any ({_BOUND}))"
    )


def is_secret(table: "Table") -> bool:
    """True if operators may not read a declared table (`waypost.ports.consumers.SECRET`)."""
    return bool(table.info.get("secret", False))


def is_protected(table: "Table") -> bool:
    """True if the rows of a declared table belong to tenants."""
    return not table.info.get("across_tenants", False)


def refuse_without_tenant(table: "Table") -> None:
    """Raises Misconfigured for a declared tenant table without a column tenant_id."""
    if is_protected(table) and "tenant_id" not in table.columns:
        raise Misconfigured(
            f"table {table.name} has no column tenant_id, and row-level security compares that column."
            ' Add Column("tenant_id", Uuid, nullable=False), or declare the table with info=ACROSS_TENANTS'
            " (waypost.postgres.tenancy) if every tenant may see its rows",
            table=table.name,
        )


_UNPROTECTED = """
select format('%I.%I', n.nspname, c.relname) as name
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
where c.relkind in ('r', 'p')
  and n.nspname not in ('pg_catalog', 'information_schema')
  and not (c.relrowsecurity and c.relforcerowsecurity)
  and obj_description(c.oid, 'pg_class') is distinct from 'across tenants'
order by 1"""

_ROLE = """
select r.rolname, r.rolsuper or r.rolbypassrls
       or exists (select from pg_database d where d.datname = current_database() and pg_has_role(r.oid, d.datdba, 'member')) as unsafe
from pg_roles r where r.rolname = current_user"""


async def refuse_unsafe_role(connection: "AsyncConnection") -> None:
    """The startup check of every process that accesses tenant data. Raises Misconfigured for a role
    that bypasses row-level security, and for an unprotected table.
    """
    sql = Sql(connection)
    (role,) = await sql.fetch(_ROLE)
    if role["unsafe"]:
        raise Misconfigured(
            f"role {role['rolname']} is a superuser, owns the database or bypasses row-level security: it would read rows of all tenants."
            f" Set {variable('APP_DSN')} to the service's application role, {variable('OPS_DSN')} to its operators' role",
            role=role["rolname"],
        )
    unprotected = [row["name"] for row in await sql.fetch(_UNPROTECTED)]
    if unprotected:
        raise Misconfigured(
            f"tenant tables without forced row-level security: {', '.join(unprotected)}. Create them through"
            " waypost.postgres.tenancy.protect, or set the table comment 'across tenants' if its rows belong to no tenant",
            tables=unprotected,
        )
