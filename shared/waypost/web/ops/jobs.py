"""`/ops/jobs`: jobs of the service, over all tenants."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from waypost.jobs.parameter import JsonArgument
from waypost.jobs.status import Status
from waypost.operations.jobs.changes import cancel_job, retry_job, retry_jobs
from waypost.operations.jobs.lookup import found_job
from waypost.operations.jobs.manual_run import run_job
from waypost.operations.jobs.search import JobSearch, find_dead, find_jobs
from waypost.web.auth import OperatorCaller
from waypost.web.operator_views.jobs import AdminJobsView, AdminJobView, RetrySelectionView
from waypost.web.ops.edge import CurrentAdminService, ReasonedRequest

router = APIRouter(prefix="/jobs")

MAX_JOBS = 1000


class RetryJobsRequest(ReasonedRequest):
    name: str | None = None
    tenant_id: UUID | None = None
    limit: int = Field(default=100, ge=1, le=MAX_JOBS)
    dry_run: bool = False


class RunJobRequest(ReasonedRequest):
    name: str
    tenant_id: UUID
    arguments: Mapping[str, JsonArgument] = {}


@router.get("")
async def list_jobs(
    admin_service: CurrentAdminService,
    status: Annotated[Sequence[Status], Query(description="Repeatable. Default: every pending status.")] = (),
    name: Annotated[str | None, Query(description="Only jobs with this name.")] = None,
    tenant_id: Annotated[UUID | None, Query(description="Only jobs of this tenant.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_JOBS, description="Maximum number of jobs.")] = 100,
) -> AdminJobsView:
    """Lists pending jobs, the latest first. With `tenant_id`, also `complete` and `cancelled`
    ones.
    """
    search = JobSearch(statuses=status, name=name, tenant_id=tenant_id, limit=limit)
    return AdminJobsView.of(await find_jobs(admin_service.ops, search))


@router.get("/{job_id}")
async def show_admin_job(job_id: UUID, admin_service: CurrentAdminService) -> AdminJobView:
    """Shows one job of any tenant. A finished job has neither arguments nor a trace."""
    return AdminJobView.of(await found_job(admin_service.ops, job_id))


@router.post("", status_code=201)
async def run(body: RunJobRequest, operator: OperatorCaller, admin_service: CurrentAdminService) -> AdminJobView:
    """Enqueues a job."""
    return AdminJobView.of(
        await run_job(admin_service, body.name, body.tenant_id, body.arguments, body.audited_by(operator))
    )


@router.post("/retry")
async def retry_some(
    body: RetryJobsRequest, operator: OperatorCaller, admin_service: CurrentAdminService
) -> RetrySelectionView:
    """Queues the matching dead jobs again, the least often retried first. Returns these jobs in
    their state before the retry.
    """
    search = JobSearch(name=body.name, tenant_id=body.tenant_id, limit=body.limit)
    if body.dry_run:
        dead = await find_dead(admin_service.ops, search)
    else:
        dead = await retry_jobs(admin_service, search, body.audited_by(operator))
    return RetrySelectionView(data=[AdminJobView.of(job) for job in dead.jobs], left=dead.left)


@router.post("/{job_id}/retry")
async def retry(
    job_id: UUID, body: ReasonedRequest, operator: OperatorCaller, admin_service: CurrentAdminService
) -> AdminJobView:
    """Queues a dead job again, with zero attempts and the same idempotency key."""
    return AdminJobView.of(await retry_job(admin_service, job_id, body.audited_by(operator)))


@router.post("/{job_id}/cancel")
async def cancel(
    job_id: UUID, body: ReasonedRequest, operator: OperatorCaller, admin_service: CurrentAdminService
) -> AdminJobView:
    """Cancels a job. A running job is stopped at its worker's next heartbeat, and its result is
    dropped.
    """
    return AdminJobView.of(await cancel_job(admin_service, job_id, body.audited_by(operator)))
