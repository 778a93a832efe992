"""`GET /jobs/{id}`, the same for every service: what became of the work that an answer promised."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request

from shared.engine.bus import Bus
from shared.jobs.results import JobStatus, Status, job_status
from shared.kernel.errors import NotFound
from shared.kernel.role import Role
from shared.web.auth import Caller, Principal
from shared.web.models import ResponseModel

router = APIRouter(prefix="/jobs", tags=["jobs"])


class JobView(ResponseModel):
    id: UUID
    name: str
    status: Status
    progress: int
    """0 to 100."""
    result: Any
    error: str | None
    attempts: int


@router.get("/{job_id}")
async def show_job(job_id: UUID, caller: Caller, request: Request) -> JobView:
    """Members see what they asked for themselves, admins everything that their tenant's work left."""
    bus: Bus = request.app.state.bus
    async with bus.units.begin() as uow:
        job = await job_status(uow.rows, job_id)
    if job is None or not _may_see(caller, job):
        raise NotFound(f"there is no job {job_id}")
    return JobView.model_validate(job)


def _may_see(caller: Principal, job: JobStatus) -> bool:
    return job.owner_id == caller.user_id or caller.role.covers(Role.ADMIN)
