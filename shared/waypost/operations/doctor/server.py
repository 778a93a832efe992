"""Checks of the PostgreSQL server, its roles and its transactions."""

from collections.abc import Iterator

import asyncpg

from waypost.operations.doctor.finding import ExaminedService, Finding, Findings
from waypost.postgres.provisioning.roles import LIMITS, LIVENESS, DatabaseRole, role_name

LONG_TRANSACTION = "15 minutes"
LONG_PREPARED = "5 minutes"
FULL = 0.9
"""Share of the server's connections from which new ones may soon be refused."""

_CAN_SEE = "select pg_has_role(current_user, 'pg_read_all_stats', 'usage') as allowed"

_CONNECTIONS = """
select count(*) as used,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - current_setting('reserved_connections')::int as allowed
from pg_stat_activity where backend_type = 'client backend'"""

_STANDBYS = """
with awaited as (
    select trim(slot) as slot from string_to_table(current_setting('synchronized_standby_slots'), ',') as listed (slot)
    where trim(slot) <> ''
), slots as (
    select slot_name::text as slot, active from pg_replication_slots where slot_type = 'physical' and not temporary
)
select slot, awaited.slot is not null as is_awaited, coalesce(active, false) as active, slots.slot is not null as exists
from awaited full join slots using (slot) order by slot"""

_ROLES = """
select rolname, rolsuper or rolbypassrls as unsafe,
       array(select split_part(setting, '=', 1) from unnest(rolconfig) as setting) as settings
from pg_roles where rolname = any ($1::text[])"""

_TRANSACTIONS = """
select pid, usename, application_name, state, (extract(epoch from now() - xact_start) / 60)::int as minutes
from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and xact_start < now() - $1::text::interval
order by xact_start"""

_PREPARED = """
select gid, (extract(epoch from now() - prepared) / 60)::int as minutes from pg_prepared_xacts
where database = current_database() and prepared < now() - $1::text::interval order by prepared"""


async def privileges(examined: ExaminedService) -> Findings:
    """The other checks need to see the sessions of all roles."""
    (row,) = await examined.reads.fetch(_CAN_SEE)
    if row["allowed"]:
        return []
    role = role_name(examined.name, DatabaseRole.OPS)
    problem = f"{role} cannot see the sessions of other roles: long transactions stay unnoticed"
    return [Finding(problem=problem, remedy=f"as a superuser: grant pg_read_all_stats to {role}")]


async def connections(examined: ExaminedService) -> Findings:
    """Compares the open connections with the budget of the processes, and with the server."""
    (row,) = await examined.reads.fetch(_CONNECTIONS)
    used, allowed, budget = row["used"], row["allowed"], examined.connection_budget
    findings = []
    if budget and used > budget:
        problem = f"{used} connections are open, but the processes are configured for {budget}"
        remedy = (
            "stop the replicas that are not counted, or raise CONNECTION_BUDGET of each process and max_connections"
        )
        findings.append(Finding(problem=problem, remedy=remedy))
    if used > FULL * allowed:
        problem = f"{used} of {allowed} connections are open: the server refuses more"
        findings.append(Finding(problem=problem, remedy="raise max_connections, or stop processes"))
    return findings


async def standbys(examined: ExaminedService) -> Findings:
    """The relay waits for each standby in synchronized_standby_slots."""
    return list(map(_standby, [row for row in await examined.reads.fetch(_STANDBYS) if not _is_well(row)]))


def _is_well(row: asyncpg.Record) -> bool:
    return bool(row["is_awaited"] and row["active"])


def _standby(row: asyncpg.Record) -> Finding:
    slot = row["slot"]
    if not row["is_awaited"]:
        return Finding(
            problem=f"the standby of slot {slot} is not awaited: its promotion may undo published events",
            remedy=f"add {slot} to synchronized_standby_slots, or drop the slot: select pg_drop_replication_slot('{slot}')",
        )
    reason = "has no connection" if row["exists"] else "does not exist"
    return Finding(
        problem=f"slot {slot} of synchronized_standby_slots {reason}: the relay waits for it, and publishes nothing",
        remedy="start the standby, or remove it: alter system set synchronized_standby_slots = …; select pg_reload_conf()",
    )


async def roles(examined: ExaminedService) -> Findings:
    """Roles without limits let a frozen client block the others."""
    names = [role_name(examined.name, role) for role in (DatabaseRole.APP, DatabaseRole.RELAY, DatabaseRole.OPS)]
    found = {row["rolname"]: row for row in await examined.reads.fetch(_ROLES, names)}
    missing = [
        Finding(problem=f"role {name} does not exist", remedy="create the roles again")
        for name in names
        if name not in found
    ]
    return [*missing, *(finding for name, row in found.items() for finding in _role(name, row))]


def _role(name: str, row: asyncpg.Record) -> Iterator[Finding]:
    if row["unsafe"]:
        problem = f"role {name} bypasses row-level security: it reads the rows of all tenants"
        yield Finding(problem=problem, remedy=f"as a superuser: alter role {name} nosuperuser nobypassrls")
    settings = set(row["settings"])
    if missing := {setting: value for setting, value in (LIVENESS | LIMITS).items() if setting not in settings}:
        changes = "; ".join(f"alter role {name} set {setting} = '{value}'" for setting, value in missing.items())
        yield Finding(problem=f"role {name} has no {', '.join(missing)}", remedy=f"as a superuser: {changes}")


async def transactions(examined: ExaminedService) -> Findings:
    """A long transaction holds back vacuum in the whole database."""
    return [
        Finding(
            problem=f"a transaction of {row['usename']} ({row['application_name']}) is open for {row['minutes']} minutes,"
            f" {row['state']}: vacuum removes no row that is newer",
            remedy=f"end it: select pg_terminate_backend({row['pid']})",
        )
        for row in await examined.reads.fetch(_TRANSACTIONS, LONG_TRANSACTION)
    ]


async def prepared_transactions(examined: ExaminedService) -> Findings:
    """The toolkit prepares no transactions. One that is left keeps its locks."""
    return [
        Finding(
            problem=f"transaction {row['gid']} is prepared for {row['minutes']} minutes: it keeps its locks, and the relay"
            " waits for its rows",
            remedy=f"as its owner: rollback prepared '{row['gid']}'",
        )
        for row in await examined.reads.fetch(_PREPARED, LONG_PREPARED)
    ]
