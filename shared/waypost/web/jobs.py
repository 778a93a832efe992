"""`GET /jobs/{id}`, the same in every service: the status of a job that a 202 response named."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request

from waypost.jobs.results import JobStatus, job_status
from waypost.jobs.status import Status
from waypost.kernel.errors import NotFound
from waypost.web.auth import Caller
from waypost.web.models import ResponseModel
from waypost.web.principal import Principal
from waypost.web.request import Context
from waypost.web.shared_reads import SharedReads
from waypost.web.waits import Waits, prefers_wait

router = APIRouter(prefix="/jobs", tags=["jobs"])


class JobView(ResponseModel):
    id: UUID
    name: str
    status: Status
    progress: int
    """Percent, 0 to 100."""
    result: Any
    error: str | None
    attempts: int
    """Begun attempts that count against the job's limit."""
    outages: int
    """Executions that an outage ended; they count as no attempt."""


_ENDED = frozenset((Status.COMPLETE, Status.DEAD, Status.CANCELLED))


@router.get("/{job_id}")
async def show_job(job_id: UUID, caller: Caller, context: Context, request: Request) -> JobView:
    """Shows the status of a job. Members see only their own jobs, admins all jobs of the tenant.
    With `Prefer: wait=N` the response comes when the job has ended, or after N seconds, at most 10.
    """
    job = await _visible(job_id, caller, context)
    if job.status not in _ENDED and prefers_wait(request):
        ended: SharedReads[UUID, bool] = request.app.state.ended_jobs

        async def has_ended() -> bool:
            return job_id in await ended.read([job_id])

        waits: Waits = request.app.state.waits
        await waits.until(request, caller, has_ended)
        job = await _visible(job_id, caller, context)
    return JobView.model_validate(job)


async def _visible(job_id: UUID, caller: Principal, context: Context) -> JobStatus:
    """Raises NotFound for a job that the caller may not see, without a wait."""
    async with context.bus.units.begin() as uow:
        job = await job_status(uow.rows, job_id)
    if job is None or not caller.may_see(job.owner_id):
        raise NotFound(f"there is no job {job_id}")
    return job
