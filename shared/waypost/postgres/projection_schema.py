"""The tables of a projection have their own schema, so that a rebuild can fill a shadow schema and
swap the two.

Migrations and rebuilds create the schema with the same function. Code names the tables without the
schema and finds them by `search_path`.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from waypost.postgres.tenancy import is_protected, is_secret, protect, refuse_without_tenant

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialect modules have no annotations


def create_projection_schema(service: str, schema: str, tables: MetaData) -> Iterator[str]:
    """Statements that create `schema` with the projection's tables and the order guard's table
    `versions`, with row-level security and grants.

    Raises Misconfigured for a table without tenant_id.
    """
    for table in tables.sorted_tables:
        refuse_without_tenant(table)
    yield f"create schema {schema}"
    yield f"grant usage on schema {schema} to {service}_app, {service}_ops"
    yield (
        f"create table {schema}.versions"
        " (topic text not null, aggregate_id uuid not null, version bigint not null, primary key (topic, aggregate_id))"
    )
    yield f"grant select, insert, update, delete on {schema}.versions to {service}_app"
    yield f"grant select on {schema}.versions to {service}_ops"
    yield f"set local search_path to {schema}"
    for table in tables.sorted_tables:
        yield str(CreateTable(table).compile(dialect=_DIALECT))
        for index in table.indexes:
            yield str(CreateIndex(index).compile(dialect=_DIALECT))
        if is_protected(table):
            yield from protect(table.name)
        else:
            yield f"comment on table {table.name} is 'across tenants'"
        yield f"grant select, insert, update, delete on {table.name} to {service}_app"
        if is_secret(table):
            yield from make_secret(service, table.name)
        else:
            yield f"grant select on {table.name} to {service}_ops"
    yield "set local search_path to public"


def make_secret(service: str, table: str) -> Iterator[str]:
    """Statements for a table with `info=SECRET`. May be executed again."""
    yield f"revoke select on {table} from {service}_ops"
    yield f"drop policy if exists rebuilding on {table}"
    yield f"create policy rebuilding on {table} for select to {service}_owner using (true)"


PERSON_KEYS_SCHEMA = "person_keys"
"""Where a service that does not create the keys of people has them. A rebuild reads them too;
PostgreSQL ignores a schema that does not exist.
"""


def search_path(schemas: Iterable[str]) -> str:
    """The `search_path` under which a process finds the tables of its projections."""
    return ", ".join(["public", *schemas])
