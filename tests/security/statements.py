"""Reads and writes of another tenant's rows by each role of a database, generated from its
catalogue.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg

from waypost.postgres.provisioning.roles import DatabaseRole

_TABLES = r"""
select format('%I.%I', n.nspname, c.relname) as name,
       array(select attname::text from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = ''
             order by attnum) as columns,
       array(select r.rolname::text from pg_policy p cross join pg_roles r
             where p.polrelid = c.oid and r.oid = any (p.polroles)) as of_roles,
       array(select array[r.rolname::text, verb] from pg_roles r cross join unnest(array['select', 'update', 'delete']) as verb
             where has_table_privilege(r.oid, c.oid, verb) and not r.rolsuper) as granted
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.relrowsecurity and n.nspname not like 'pg\_%' order by 1"""

REFUSED = "42501"
"""SQLSTATE of a missing privilege, and of a row that a policy refuses."""
MALFORMED = "22P02"
"""SQLSTATE of a binding that is not a list of ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantTable:
    name: str
    columns: Sequence[str]
    of_roles: frozenset[str]
    """Roles with a policy of their own, which reads rows of all tenants: the owner's, for rebuilds
    and expired rows.
    """
    granted: frozenset[tuple[str, str]]

    def may(self, role: str, verb: str) -> bool:
        return (role, verb) in self.granted


async def tenant_tables(superuser: asyncpg.Connection) -> Sequence[TenantTable]:
    return [
        TenantTable(
            name=row["name"],
            columns=row["columns"],
            of_roles=frozenset(row["of_roles"]),
            granted=frozenset((role, verb) for role, verb in row["granted"]),
        )
        for row in await superuser.fetch(_TABLES)
    ]


def bindings(victim: UUID, other: UUID) -> Mapping[str, str | None]:
    """Values of `app.tenants` that do not name the victim. None leaves it unset."""
    text = str(victim)
    return {
        "unset": None,
        "empty": "",
        "blank": " ",
        "random": str(uuid4()),
        "another tenant": str(other),
        "two others": f"{other},{uuid4()}",
        "nil": str(UUID(int=0)),
        "star": "*",
        "percent": "%",
        "null": "NULL",
        "true": "true",
        "cut": text[:-1],
        "longer": text + "0",
        "comma only": ",",
        "quote": f"{other}' or true --",
        "array": "{}",
        "huge": ",".join([str(other)] * 2_000),
    }


def random_binding(choice: random.Random, victim: UUID) -> str:
    others = ",".join(str(UUID(int=choice.getrandbits(128))) for _ in range(choice.randint(1, 3)))
    at = choice.randrange(36)
    text = str(victim)
    changed = text[:at] + choice.choice("0123456789abcdef*%_ ") + text[at + 1 :]
    return choice.choice(
        [others, others, others, changed if changed != text else others, text[:at], choice.choice("*%,_'\\ ")]
    )


def writes(table: TenantTable, victim: UUID) -> Iterator[tuple[str, str]]:
    """Statements that would change the victim's rows. `$1` is a row as JSON."""
    mine = f"tenant_id = '{victim}'"
    yield "update", f"update {table.name} set tenant_id = tenant_id where {mine}"
    yield "update all", f"update {table.name} set tenant_id = tenant_id"
    yield "delete", f"delete from {table.name} where {mine}"
    yield "delete all", f"delete from {table.name}"
    yield "move", f"update {table.name} set tenant_id = '{victim}'"


def insertion(table: TenantTable, *, on_conflict: str = "") -> str:
    columns = ", ".join(f'"{column}"' for column in table.columns)
    return (
        f"insert into {table.name} ({columns}) overriding system value"
        f" select {columns} from json_populate_record(null::{table.name}, $1::json) {on_conflict}"
    )


async def copied_row(superuser: asyncpg.Connection, table: TenantTable, victim: UUID) -> str:
    """A row of the victim as JSON; in a table without one, a row with only the victim's id."""
    query = f"select to_json(each)::text from {table.name} as each where tenant_id = $1 limit 1"
    row: str | None = await superuser.fetchval(query, victim)
    return row or json.dumps({"tenant_id": str(victim)})


def escalations(tables: Sequence[TenantTable], superuser: str, others: Sequence[str]) -> Iterator[str]:
    """Statements with which a role would get more rights than it has."""
    yield from (f'set role "{role}"' for role in (superuser, *others))
    yield from (f'set session authorization "{role}"' for role in (superuser, *others))
    yield from (f'grant "{role}" to current_user' for role in (superuser, *others))
    yield from (
        f"alter role current_user {right}"
        for right in ("superuser", "createrole", "createdb", "bypassrls", "replication")
    )
    yield from _AT_THE_SERVER
    for name in (table.name for table in tables):
        yield from (statement.format(table=name) for statement in _AT_A_TABLE)


_AT_THE_SERVER = (
    "create role stolen superuser login",
    "create database stolen",
    "create schema stolen",
    "create table public.stolen (row text)",
    "create temp table stolen (row text)",
    "create function public.stolen() returns int language sql security definer as 'select 1'",
    "create extension file_fdw",
    "create language plpython3u",
    "create publication stolen for all tables",
    "create event trigger stolen on ddl_command_end execute function pg_catalog.now()",
    "alter system set log_min_messages = 'panic'",
    "select pg_reload_conf()",
    "select pg_read_file('postgresql.conf')",
    "select pg_ls_dir('.')",
    "select pg_stat_file('postgresql.conf')",
    "select lo_import('/etc/passwd')",
    "copy (select 1) to program 'true'",
    "copy (select 1) to '/tmp/stolen'",
    "select rolpassword from pg_authid",
    "select passwd from pg_shadow",
    "select pg_switch_wal()",
    "select pg_create_logical_replication_slot('stolen', 'pgoutput')",
    "set session_replication_role = 'replica'",
    "set log_statement = 'none'",
    "alter default privileges grant select on tables to public; grant all on all tables in schema public to public with grant option",
)

_AT_A_TABLE = (
    "set row_security = off; select 1 from {table}",
    "alter table {table} disable row level security",
    "alter table {table} no force row level security",
    "drop policy tenants on {table}",
    "create policy more on {table} using (true)",
    "alter policy tenants on {table} using (true)",
    "alter table {table} owner to current_user",
    "grant select on {table} to public with grant option",
    "comment on table {table} is 'across tenants'",
    "truncate {table}",
    "create trigger stolen after insert on {table} for each statement execute function pg_catalog.suppress_redundant_updates_trigger()",
    "create rule stolen as on select to {table} do instead select 1",
    "create view public.stolen as select * from {table}",
    "create materialized view public.stolen as select * from {table}",
    "create index on {table} (tenant_id)",
    "create statistics stolen on tenant_id, ctid from {table}",
    "alter table {table} add column stolen text",
    "alter table {table} rename to stolen",
    "drop table {table}",
    "copy {table} to '/tmp/stolen'",
)

SERVING = (DatabaseRole.APP, DatabaseRole.RELAY, DatabaseRole.OPS)
