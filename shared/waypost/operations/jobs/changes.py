"""Retry of dead jobs and cancellation of jobs. Each change writes its audit entry in the same
transaction.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from waypost.jobs.status import Status
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import Conflict, NotFound
from waypost.operations.admin_service import AdminService
from waypost.operations.jobs.lookup import found_job, job_within, locked_job
from waypost.operations.jobs.rows import FoundJob
from waypost.operations.jobs.search import DeadJobs, JobSearch, find_dead
from waypost.postgres.audit import record_action
from waypost.postgres.sql import Sql
from waypost.postgres.tenancy import bind_statement

_RETRY = """
with again as (
    update jobs set status = 'queued', run_at = now(), delayed = false, attempts = 0, outages = 0,
        redrives = redrives + 1, crashed = false, error = null
    where id = $1 returning id, tenant_id
)
update job_results as result set status = 'queued', error = null, finished_at = null
from again where result.tenant_id = again.tenant_id and result.job_id = again.id"""

_CANCEL = """
with gone as (delete from jobs where id = $1 returning id, tenant_id)
update job_results as result set status = 'cancelled', finished_at = now()
from gone where result.tenant_id = gone.tenant_id and result.job_id = gone.id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    verb: str
    of: Collection[str]
    statement: str
    only: str
    """Reason for the refusal of other statuses."""


_RETRY_DEAD = _Change(verb="jobs.retry", of=["dead"], statement=_RETRY, only="only a dead job can be retried")
_CANCEL_PENDING = _Change(
    verb="jobs.cancel", of=["queued", "running", "dead"], statement=_CANCEL, only="there is nothing left to cancel"
)


async def retry_job(service: AdminService, job_id: UUID, audit_context: AuditContext) -> FoundJob:
    """Queues a dead job again, with zero attempts and the same idempotency key. Returns the queued
    job.

    Raises NotFound, and Conflict for a job that is not dead.
    """
    sent = await _change(service, job_id, audit_context, _RETRY_DEAD)
    service.wakeup_sender.send("jobs")
    return sent


async def dead_job(service: AdminService, job_id: UUID) -> FoundJob:
    """The job that `retry_job` would queue. Raises the same errors."""
    found = await found_job(service.ops, job_id)
    if found.status is not Status.DEAD:
        raise _refused(found, _RETRY_DEAD)
    return found


async def retry_jobs(service: AdminService, search: JobSearch, audit_context: AuditContext) -> DeadJobs:
    """Retries the dead jobs that match the search. Returns the retried jobs, without the jobs that
    another operator changed meanwhile.
    """
    sent, dead = [], await find_dead(service.ops, search)
    for job in dead.jobs:
        with suppress(NotFound, Conflict):
            await retry_job(service, job.id, audit_context)
            sent.append(job)
    return replace(dead, jobs=sent)


async def cancel_job(service: AdminService, job_id: UUID, audit_context: AuditContext) -> FoundJob:
    """Cancels a queued, running or dead job. A running job is stopped at its worker's next
    heartbeat, and its result is dropped.

    Raises NotFound, and Conflict for a finished job.
    """
    return await _change(service, job_id, audit_context, _CANCEL_PENDING)


async def _change(service: AdminService, job_id: UUID, audit_context: AuditContext, change: _Change) -> FoundJob:
    """Returns the job as the change left it. A later read could find it finished or deleted."""
    async with service.ops.transaction() as connection:
        sql = Sql(connection)
        job = await locked_job(sql, job_id, change.of)
        if job is not None:
            await sql.execute(bind_statement([job.tenant_id]))  # row-level security protects the result
            await sql.execute(change.statement, job_id)
            await record_action(
                connection, audit_context, verb=change.verb, subject=job_id, tenant_id=job.tenant_id, name=job.name
            )
            # Retention may have deleted the result of an old dead job.
            return await job_within(sql, job_id) or replace(job, status=Status.CANCELLED)
    raise _refused(await found_job(service.ops, job_id), change)


def _refused(job: FoundJob, change: _Change) -> Conflict:
    return Conflict(f"job {job.id} is {job.status}: {change.only}", status=job.status)
