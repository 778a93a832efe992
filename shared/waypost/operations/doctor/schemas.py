"""Checks of the database's schemas: migrations, and the shadows of rebuilds."""

from waypost.operations.doctor.finding import ExaminedService, Finding, Findings
from waypost.postgres.revisions import TOOLKIT, MigrationLine, service_line
from waypost.postgres.schema_locks import SCHEMA_LOCK

FROZEN = "10 minutes"

_IS_READABLE = """
select to_regclass($1) is not null and has_table_privilege(to_regclass($1), 'select') as readable"""

_SHADOWS = """
with newest as (
    select max(case when state = 'active' then now() else state_change end) as at from pg_stat_activity
    where datname = current_database() and application_name in ($2 || '-rebuild', $2 || '-rebuild-owner')
)
select left(shadow.nspname, -4) as projection, shadow.nspname like '%\\_old' as replaced, lock.pid,
    newest.at < now() - $3::text::interval as frozen
from newest cross join pg_namespace as shadow
left join pg_locks as lock
    on lock.locktype = 'advisory' and lock.classid = 0 and lock.objid = $1 and lock.objsubid = 1 and lock.granted
    and lock.database = (select oid from pg_database where datname = current_database())
where exists (select from pg_class where relnamespace = shadow.oid and relname = 'versions')
  and (shadow.nspname like '%\\_new' or shadow.nspname like '%\\_old' and exists (
      select from pg_class join pg_namespace as live on live.oid = relnamespace
      where live.nspname = left(shadow.nspname, -4) and relname = 'versions'))
order by shadow.nspname"""


async def pending_migrations(examined: ExaminedService) -> Findings:
    """Processes of this release refuse to start on a database that lacks migrations."""
    lines = (TOOLKIT, service_line(examined.name))
    lacking = {line.owner: line.pending(await _current(examined, line)) for line in lines}
    return [
        Finding(
            problem=f"the database lacks migrations of {owner}: {', '.join(pending)}",
            remedy=f"waypost migrate {examined.name}",
        )
        for owner, pending in lacking.items()
        if pending
    ]


async def _current(examined: ExaminedService, line: MigrationLine) -> str | None:
    (table,) = await examined.reads.fetch(_IS_READABLE, line.version_table)
    if not table["readable"]:
        return None
    (row,) = await examined.reads.fetch(f"select version_num from {line.version_table}")
    version: str = row["version_num"]
    return version


async def shadows(examined: ExaminedService) -> Findings:
    """The new tables of a rebuild that was killed or stands still, and tables that one has replaced
    and not dropped.
    """
    findings = []
    for row in await examined.reads.fetch(_SHADOWS, SCHEMA_LOCK, examined.name, FROZEN):
        name = f"{examined.name}.{row['projection']}"
        if row["pid"] is None and row["replaced"]:
            problem = f"tables of {name} that a rebuild has replaced remain, with the data of people"
            findings.append(Finding(problem=problem, remedy=f"waypost migrate {examined.name}"))
        elif row["pid"] is None:
            problem = f"a rebuild of {name} was killed: its new tables take space"
            findings.append(Finding(problem=problem, remedy=f"waypost projections rebuild {name}"))
        elif row["frozen"]:
            problem = f"a rebuild of {name} has done nothing for {FROZEN}, and keeps migrations out"
            remedy = f"end it: select pg_terminate_backend({row['pid']}); then waypost projections rebuild {name}"
            findings.append(Finding(problem=problem, remedy=remedy))
    return findings
