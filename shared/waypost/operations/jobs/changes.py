"""Dead jobs sent again, and jobs taken away. Each change is audited in its own transaction."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from waypost.jobs.results import Status
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import Conflict, NotFound
from waypost.operations.admin_service import AdminService
from waypost.operations.jobs.lookup import found_job, job_within, locked_job
from waypost.operations.jobs.rows import FoundJob
from waypost.operations.jobs.search import DeadJobs, JobSearch, find_dead
from waypost.postgres.audit import record_action
from waypost.postgres.database import Sql
from waypost.postgres.tenancy import BIND

_RETRY = """
with again as (
    update jobs set status = 'queued', run_at = now(), attempts = 0, redrives = redrives + 1, crashed = false,
        error = null
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
    """Why others are refused."""


_SEND_AGAIN = _Change(verb="jobs.retry", of=["dead"], statement=_RETRY, only="only a dead one is sent again")
_TAKE_AWAY = _Change(
    verb="jobs.cancel", of=["queued", "running", "dead"], statement=_CANCEL, only="there is nothing left to cancel"
)


async def retry_job(service: AdminService, job_id: UUID, audit_context: AuditContext) -> FoundJob:
    """Queues a dead job once more, with all its attempts and the same key; returns it as it is
    then.

    Raises NotFound, and Conflict for one that is not dead.
    """
    sent = await _change(service, job_id, audit_context, _SEND_AGAIN)
    service.doorbell.ring("jobs")
    return sent


async def dead_job(service: AdminService, job_id: UUID) -> FoundJob:
    """The one that `retry_job` would send again. Raises what it raises."""
    found = await found_job(service.ops, job_id)
    if found.status is not Status.DEAD:
        raise _refused(found, _SEND_AGAIN)
    return found


async def retry_jobs(service: AdminService, search: JobSearch, audit_context: AuditContext) -> DeadJobs:
    """Sends again what is dead and fits the search; gives those that were. One that somebody else
    was faster with is left out.
    """
    sent, dead = [], await find_dead(service.ops, search)
    for each in dead.jobs:
        with suppress(NotFound, Conflict):
            await retry_job(service, each.id, audit_context)
            sent.append(each)
    return replace(dead, jobs=sent)


async def cancel_job(service: AdminService, job_id: UUID, audit_context: AuditContext) -> FoundJob:
    """Takes a job away, waiting, running or dead. One that runs is stopped at its worker's next
    heartbeat and its outcome dropped.

    Raises NotFound, and Conflict for one that is done.
    """
    return await _change(service, job_id, audit_context, _TAKE_AWAY)


async def _change(service: AdminService, job_id: UUID, audit_context: AuditContext, change: _Change) -> FoundJob:
    """Gives the job as the change left it: read any later, it may have run, and be forgotten."""
    async with service.ops.transaction() as connection:
        job = await locked_job(connection, job_id, change.of)
        if job is not None:
            await connection.execute(BIND, {"tenants": str(job.tenant_id)})  # the result is its tenant's row
            await Sql(connection).execute(change.statement, job_id)
            await record_action(
                connection, audit_context, verb=change.verb, subject=job_id, tenant_id=job.tenant_id, name=job.name
            )
            # The result of one that was dead for long may be gone before the job is taken away.
            return await job_within(connection, job_id) or replace(job, status=Status.CANCELLED)
    raise _refused(await found_job(service.ops, job_id), change)


def _refused(job: FoundJob, change: _Change) -> Conflict:
    return Conflict(f"job {job.id} is {job.status}: {change.only}", status=job.status)
