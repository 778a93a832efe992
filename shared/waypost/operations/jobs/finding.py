"""Jobs as an operator finds them: what is pending over all tenants, and what became of those that are done."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.jobs.arguments import JsonScalar
from waypost.jobs.results import STATE, Status
from waypost.jobs.tenant_directory import all_tenants
from waypost.kernel.errors import Invalid, NotFound
from waypost.kernel.ids import JobId, TenantId
from waypost.postgres.database import Database, Sql
from waypost.postgres.tenancy import BIND, setting, some_at_a_time

PENDING = (Status.QUEUED, Status.FAILED, Status.RUNNING, Status.DEAD)
"""Their rows are there until they are done or taken away."""

_OF_JOB = """job.id, job.tenant_id, job.name, job.arguments::text as arguments, job.attempts, job.redrives, job.priority,
    job.idempotency_key, job.worker, job.error, job.enqueued_at, job.run_at, job.started_at, job.lease_until, job.traceparent"""

# The operator's role reads these over all tenants; results are their tenants' rows.
_LIST = f"""
select {_OF_JOB}, {STATE} as status from jobs as job
where {STATE} = any ($1::text[]) and ($2::text is null or name = $2) and ($3::uuid is null or tenant_id = $3)
order by enqueued_at desc, id desc limit $4"""

# Those that were sent again least often, then longest ago: the same retry once more comes to others, however these end.
_DEAD = f"""
select {_OF_JOB}, job.status, count(*) over () as found from jobs as job
where status = 'dead' and ($1::text is null or name = $1) and ($2::uuid is null or tenant_id = $2)
order by redrives, run_at, id limit $3"""

_FIND = f"select {_OF_JOB}, {STATE} as status from jobs as job where id = $1"

_LOCK = f"{_FIND} and job.status = any ($2::text[]) for update"

_RESULT = """
job_id as id, tenant_id, name, status, attempts, idempotency_key, owner_id, progress, result::text as result, error, enqueued_at,
started_at, finished_at"""

# What only the results of pending jobs know. The tenants are named beside the ids, for the key begins with them.
_KEPT = """
select job_id as id, owner_id, progress, finished_at from job_results
where (tenant_id, job_id) in (select * from unnest($1::uuid[], $2::uuid[]))"""

_FINISHED = f"""
select {_RESULT} from job_results
where finished_at is not null and status = any ($1::text[]) and ($2::text is null or name = $2)
order by finished_at desc limit $3"""

_FIND_RESULT = f"select {_RESULT} from job_results where job_id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundJob:
    """A job that is done has forgotten what only its pending row knew: those facts are None."""

    id: JobId
    tenant_id: TenantId
    name: str
    status: Status
    attempts: int
    """Since it was enqueued, or sent again."""
    enqueued_at: datetime
    started_at: datetime | None
    """Of the last attempt."""
    error: str | None
    """Of the last attempt that failed, in words for operators; once the job is done, in those for its tenant."""
    idempotency_key: str | None
    arguments: Mapping[str, JsonScalar] | None = None
    redrives: int | None = None
    """How often an operator sent it again."""
    priority: int | None = None
    worker: str | None = None
    """Who began the last attempt, as host:pid."""
    run_at: datetime | None = None
    """When it is due, or was."""
    lease_until: datetime | None = None
    """While it runs: when it counts as crashed unless its worker says otherwise."""
    traceparent: str | None = None
    """Of its enqueue."""
    owner_id: UUID | None = None
    progress: int | None = None
    result: Any = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSearch:
    """What is not set does not narrow it."""

    statuses: Collection[Status] = ()
    """All that is pending unless given; of one tenant also what is done."""
    name: str | None = None
    tenant_id: UUID | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadJobs:
    """Those whose turn it is to be sent again."""

    jobs: Sequence[FoundJob]
    left: int
    """How many fit besides: the limit left them out."""


async def find_jobs(ops: Database, search: JobSearch) -> Sequence[FoundJob]:
    """The latest first: what is pending by its enqueue, what is done by its end.

    Raises Invalid for jobs that are done without a tenant: their rows are found tenant by tenant.
    """
    statuses = search.statuses or (PENDING if search.tenant_id is None else Status)
    pending = [each for each in statuses if each in PENDING]
    done = [each for each in statuses if each not in PENDING]
    if done and search.tenant_id is None:
        raise Invalid(f"jobs that are {' or '.join(done)} are kept with their tenants: name the tenant as well")
    found: list[FoundJob] = []
    async with ops.transaction() as connection:
        sql = Sql(connection)
        if pending:
            rows = await sql.fetch(_LIST, pending, search.name, search.tenant_id, search.limit)
            found += await _whole(connection, [_pending(each) for each in rows])
        if done and search.tenant_id is not None:
            await connection.execute(BIND, {"tenants": str(search.tenant_id)})
            found += map(_done, await sql.fetch(_FINISHED, done, search.name, search.limit))
    return sorted(found, key=_latest, reverse=True)[: search.limit]


async def find_dead(ops: Database, search: JobSearch) -> DeadJobs:
    """Whatever statuses are searched for."""
    async with ops.transaction() as connection:
        rows = await Sql(connection).fetch(_DEAD, search.name, search.tenant_id, search.limit)
        jobs = await _whole(connection, [_pending(row) for row in rows])
    found = rows[0]["found"] if rows else 0
    return DeadJobs(jobs=jobs, left=found - len(rows))


async def find_job(ops: Database, job_id: UUID) -> FoundJob | None:
    """Whosever it is, done or not; None for one that never was, and one that was forgotten with its result."""
    async with ops.transaction() as connection:
        found = await job_within(connection, job_id)  # nobody is bound: only one that is pending
        for some in () if found else some_at_a_time(await all_tenants(connection)):
            await connection.execute(BIND, {"tenants": setting(some)})
            if (found := await job_within(connection, job_id)) is not None:
                break
    return found


async def job_within(connection: AsyncConnection, job_id: UUID) -> FoundJob | None:
    """As the transaction sees it: pending, or a result of the tenants that are bound."""
    sql = Sql(connection)
    if (row := await sql.fetchrow(_FIND, job_id)) is not None:
        (pending,) = await _whole(connection, [_pending(row)])
        return pending
    result = await sql.fetchrow(_FIND_RESULT, job_id)
    return None if result is None else _done(result)


async def locked_job(connection: AsyncConnection, job_id: UUID, statuses: Collection[str]) -> FoundJob | None:
    """A pending one that stands so, as the table has it; None for any other."""
    row = await Sql(connection).fetchrow(_LOCK, job_id, statuses)
    return None if row is None else _pending(row)


async def found_job(ops: Database, job_id: UUID) -> FoundJob:
    """Raises NotFound."""
    found = await find_job(ops, job_id)
    if found is None:
        raise NotFound(f"there is no job {job_id}")
    return found


def _latest(job: FoundJob) -> tuple[datetime, JobId]:
    return (job.enqueued_at if job.status in PENDING else job.finished_at or job.enqueued_at), job.id


def _pending(row: asyncpg.Record) -> FoundJob:
    facts = {name: value for name, value in row.items() if name != "found"}
    return FoundJob(**{**facts, "status": Status(row["status"]), "arguments": json.loads(row["arguments"])})


def _done(row: asyncpg.Record) -> FoundJob:
    result = json.loads(row["result"]) if row["result"] is not None else None
    return FoundJob(**{**row, "status": Status(row["status"]), "result": result})


async def _whole(connection: AsyncConnection, pending: Sequence[FoundJob]) -> Sequence[FoundJob]:
    """Together with what their results know. Binds the transaction to their tenants, some at a time."""
    sql, kept = Sql(connection), dict[UUID, Mapping[str, Any]]()
    for some in some_at_a_time(sorted({each.tenant_id for each in pending})):
        await connection.execute(BIND, {"tenants": setting(some)})
        theirs = [(each.tenant_id, each.id) for each in pending if each.tenant_id in some]
        kept |= {row["id"]: dict(row) for row in await sql.fetch(_KEPT, *map(list, zip(*theirs, strict=True)))}
    return [_together(each, kept.get(each.id, {})) for each in pending]


def _together(job: FoundJob, kept: Mapping[str, Any]) -> FoundJob:
    """The result is read a moment later: an end that it has of a job that was not dead is a later one."""
    ended = kept.get("finished_at") if job.status is Status.DEAD else None
    return replace(job, **{**kept, "finished_at": ended})
