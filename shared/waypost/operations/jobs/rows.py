"""Maps rows of `jobs` and `job_results` to the jobs that an operator sees."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from waypost.jobs.parameter import JsonArgument
from waypost.jobs.status import Status
from waypost.kernel.ids import JobId, TenantId
from waypost.postgres.reads import Statements
from waypost.postgres.tenancy import bind_statement, some_at_a_time

PENDING_COLUMNS = """job.id, job.tenant_id, job.name, job.arguments::text as arguments, job.attempts, job.outages,
    job.redrives as operator_retries, job.priority, job.idempotency_key, job.worker, job.error, job.enqueued_at, job.run_at,
    job.started_at, job.lease_until, job.traceparent"""

RESULT_COLUMNS = """
job_id as id, tenant_id, name, status, attempts, outages, idempotency_key, owner_id, progress, result::text as result, error, enqueued_at,
started_at, finished_at"""

# Columns that only the results have. The condition includes the tenant because the primary key
# begins with it.
_RESULTS = """
select job_id as id, owner_id, progress, finished_at from job_results
where (tenant_id, job_id) in (select * from unnest($1::uuid[], $2::uuid[]))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundJob:
    """A pending or finished job. Fields that only the pending row stores are None for a finished
    job.
    """

    id: JobId
    tenant_id: TenantId
    name: str
    status: Status
    attempts: int
    """Begun attempts that count against `max_attempts`, since the enqueue or the last retry by an
    operator.
    """
    outages: int
    """Executions that an outage ended, since the same time; they count as no attempt."""
    enqueued_at: datetime
    started_at: datetime | None
    """Start of the last execution."""
    error: str | None
    """Error of the last failed execution: the operators' text for a pending job, the tenant's text
    for a finished job.
    """
    idempotency_key: str | None
    arguments: Mapping[str, JsonArgument] | None = None
    operator_retries: int | None = None
    """Number of retries by operators."""
    priority: int | None = None
    worker: str | None = None
    """Worker of the last execution, as host:pid."""
    run_at: datetime | None = None
    """Due time."""
    lease_until: datetime | None = None
    """For a running job: the time at which it counts as crashed unless its worker renews the
    lease.
    """
    traceparent: str | None = None
    """W3C trace context of the enqueue."""
    owner_id: UUID | None = None
    progress: int | None = None
    result: Any = None
    finished_at: datetime | None = None


def pending_job(row: asyncpg.Record) -> FoundJob:
    facts = {name: value for name, value in row.items() if name != "found"}
    return FoundJob(**{**facts, "status": Status(row["status"]), "arguments": json.loads(row["arguments"])})


def finished_job(row: asyncpg.Record) -> FoundJob:
    result = json.loads(row["result"]) if row["result"] is not None else None
    return FoundJob(**{**row, "status": Status(row["status"]), "result": result})


async def with_results(sql: Statements, pending: Sequence[FoundJob]) -> Sequence[FoundJob]:
    """Adds the columns of the results. Binds the transaction to the jobs' tenants, some at a
    time.
    """
    results: dict[UUID, Mapping[str, Any]] = {}
    for some in some_at_a_time(sorted({row.tenant_id for row in pending})):
        await sql.execute(bind_statement(some))
        theirs = [(row.tenant_id, row.id) for row in pending if row.tenant_id in some]
        results |= {row["id"]: dict(row) for row in await sql.fetch(_RESULTS, *map(list, zip(*theirs, strict=True)))}
    return [_merged(row, results.get(row.id, {})) for row in pending]


def _merged(job: FoundJob, results: Mapping[str, Any]) -> FoundJob:
    """Ignores `finished_at` of a job that is not dead: the result is read later than the job, which
    may have finished in between.
    """
    ended = results.get("finished_at") if job.status is Status.DEAD else None
    return replace(job, **{**results, "finished_at": ended})
