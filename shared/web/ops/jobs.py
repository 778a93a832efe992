"""`/ops/jobs`: background work over all tenants of the service."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from shared.jobs.arguments import JsonScalar
from shared.operations.jobs import dead_jobs
from shared.web.models import ResponseModel
from shared.web.ops.edge import Operated

router = APIRouter(prefix="/jobs")


class DeadJobView(ResponseModel):
    id: UUID
    tenant_id: UUID
    name: str
    arguments: dict[str, JsonScalar]
    attempts: int
    error: str
    enqueued_at: datetime
    started_at: datetime


class JobsView(ResponseModel):
    data: Sequence[DeadJobView]


@router.get("")
async def list_jobs(operated: Operated, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> JobsView:
    """Those that gave up, the latest first."""
    return JobsView(data=[DeadJobView.model_validate(each) for each in await dead_jobs(operated.ops, limit=limit)])
