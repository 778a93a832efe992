"""The status of a job for the tenant who enqueued it. Live states are read from the pending row, so
that they are not stored twice.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.jobs.status import STATE, Status
from waypost.kernel.ids import JobId
from waypost.postgres.sql import Sql

__all__ = ["JobStatus", "Status", "job_status"]

_STATUS = f"""
select result.job_id, result.owner_id, result.name, result.progress, result.result::text as result, result.error, result.enqueued_at,
       coalesce(job.started_at, result.started_at) as started_at, result.finished_at, coalesce(job.attempts, result.attempts) as attempts,
       coalesce(job.outages, result.outages) as outages, coalesce({STATE}, result.status) as status
from job_results as result
left join jobs as job on job.id = result.job_id and job.tenant_id = result.tenant_id
where result.job_id = $1"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """Status and result of one job."""

    id: JobId
    name: str
    owner_id: UUID | None
    status: Status
    progress: int
    """0 to 100."""
    result: Any
    """The handler's result from JSON; None before completion."""
    error: str | None
    """The reason why the job is dead, in words for the tenant."""
    attempts: int
    """Begun attempts that count against `max_attempts`."""
    outages: int
    """Executions that an outage ended; they count as no attempt."""
    enqueued_at: datetime
    started_at: datetime | None
    """Start of the latest execution."""
    finished_at: datetime | None


async def job_status(rows: AsyncConnection, job_id: UUID) -> JobStatus | None:
    """The status of a job of the bound tenants; None for an unknown or pruned job, or one of
    another tenant.
    """
    row = await Sql(rows).fetchrow(_STATUS, job_id)
    if row is None:
        return None
    return JobStatus(
        id=row["job_id"],
        name=row["name"],
        owner_id=row["owner_id"],
        status=Status(row["status"]),
        progress=row["progress"],
        result=json.loads(row["result"]) if row["result"] is not None else None,
        error=row["error"],
        attempts=row["attempts"],
        outages=row["outages"],
        enqueued_at=row["enqueued_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )
