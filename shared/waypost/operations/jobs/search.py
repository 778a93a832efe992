"""Searches for jobs: pending ones over all tenants, finished ones of one tenant."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from waypost.jobs.status import STATE, Status
from waypost.kernel.errors import Invalid
from waypost.kernel.ids import JobId, TenantId
from waypost.operations.jobs.rows import (
    PENDING_COLUMNS,
    RESULT_COLUMNS,
    FoundJob,
    finished_job,
    pending_job,
    with_results,
)
from waypost.postgres.reads import Reads
from waypost.postgres.tenancy import bind_statement

PENDING = (Status.QUEUED, Status.FAILED, Status.RUNNING, Status.DEAD)
"""Statuses of the rows in `jobs`. A row is deleted when its job completes or is cancelled."""

# The operator's role reads `jobs` over all tenants, but `job_results` only for a bound tenant.
_LIST = f"""
select {PENDING_COLUMNS}, {STATE} as status from jobs as job
where {STATE} = any ($1::text[]) and ($2::text is null or name = $2) and ($3::uuid is null or tenant_id = $3)
order by enqueued_at desc, id desc limit $4"""

# Least often retried first, then the oldest, so that a repeated retry with a limit reaches other
# jobs.
_DEAD = f"""
select {PENDING_COLUMNS}, job.status, count(*) over () as found from jobs as job
where status = 'dead' and ($1::text is null or name = $1) and ($2::uuid is null or tenant_id = $2)
order by redrives, run_at, id limit $3"""

_FINISHED = f"""
select {RESULT_COLUMNS} from job_results
where finished_at is not null and status = any ($1::text[]) and ($2::text is null or name = $2)
order by finished_at desc limit $3"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSearch:
    """Filters. A filter that is not set matches every job."""

    statuses: Collection[Status] = ()
    """Default: all pending statuses; with a tenant, all statuses."""
    name: str | None = None
    tenant_id: UUID | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadJobs:
    """Dead jobs that match a search, in the order of retries."""

    jobs: Sequence[FoundJob]
    left: int
    """Number of matching dead jobs beyond the limit."""


async def find_jobs(ops: Reads, search: JobSearch) -> Sequence[FoundJob]:
    """The jobs that match the search, the latest first: pending jobs by enqueue time, finished jobs
    by end time.

    Raises Invalid for a search of finished jobs without a tenant, because row-level security
    protects them.
    """
    statuses = search.statuses or (PENDING if search.tenant_id is None else Status)
    pending = [status for status in statuses if status in PENDING]
    done = [status for status in statuses if status not in PENDING]
    if done and search.tenant_id is None:
        raise Invalid(f"finished jobs ({' or '.join(done)}) are stored per tenant: name the tenant as well")
    found: list[FoundJob] = []
    async with ops.statements() as sql:
        if pending:
            rows = await sql.fetch(_LIST, pending, search.name, search.tenant_id, search.limit)
            found += await with_results(sql, [pending_job(row) for row in rows])
        if done and search.tenant_id is not None:
            await sql.execute(bind_statement([TenantId(search.tenant_id)]))
            found += map(finished_job, await sql.fetch(_FINISHED, done, search.name, search.limit))
    return sorted(found, key=_latest, reverse=True)[: search.limit]


async def find_dead(ops: Reads, search: JobSearch) -> DeadJobs:
    """Dead jobs that match the search. Ignores its statuses."""
    async with ops.statements() as sql:
        rows = await sql.fetch(_DEAD, search.name, search.tenant_id, search.limit)
        jobs = await with_results(sql, [pending_job(row) for row in rows])
    found = rows[0]["found"] if rows else 0
    return DeadJobs(jobs=jobs, left=found - len(rows))


def _latest(job: FoundJob) -> tuple[datetime, JobId]:
    return (job.enqueued_at if job.status in PENDING else job.finished_at or job.enqueued_at), job.id
