"""`GET /jobs/{id}`, the same in every service: the status of a job that a 202 response named."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from waypost.jobs.results import job_status
from waypost.jobs.status import Status
from waypost.kernel.errors import NotFound
from waypost.web.auth import Caller
from waypost.web.models import ResponseModel
from waypost.web.request import Context

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


@router.get("/{job_id}")
async def show_job(job_id: UUID, caller: Caller, context: Context) -> JobView:
    """Shows the status of a job. Members see only their own jobs, admins all jobs of the tenant."""
    async with context.bus.units.begin() as uow:
        job = await job_status(uow.rows, job_id)
    if job is None or not caller.may_see(job.owner_id):
        raise NotFound(f"there is no job {job_id}")
    return JobView.model_validate(job)
