"""Jobs over all tenants."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from waypost.jobs.parameter import JsonArgument
from waypost.jobs.status import Status
from waypost.operations.jobs.rows import FoundJob
from waypost.telemetry.tracing import trace_id_of
from waypost.web.models import ResponseModel


class AdminJobView(ResponseModel):
    id: UUID
    tenant_id: UUID
    name: str
    status: Status
    attempts: int
    outages: int
    """Executions that an outage ended; they count as no attempt."""
    operator_retries: int | None
    arguments: Mapping[str, JsonArgument] | None
    idempotency_key: str | None
    priority: int | None
    enqueued_at: datetime
    run_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    lease_until: datetime | None
    worker: str | None
    owner_id: UUID | None
    progress: int | None
    error: str | None
    result: Any
    trace_id: str | None
    """Trace of the request that enqueued the job."""

    @classmethod
    def of(cls, job: FoundJob) -> Self:
        values = {name: getattr(job, name, None) for name in cls.model_fields}
        return cls(**{**values, "trace_id": trace_id_of(job.traceparent)})


class AdminJobsView(ResponseModel):
    data: Sequence[AdminJobView]

    @classmethod
    def of(cls, jobs: Sequence[FoundJob]) -> Self:
        return cls(data=[AdminJobView.of(job) for job in jobs])


class RetrySelectionView(ResponseModel):
    """The jobs that a retry selects, in their state before it; with `dry_run`, none is retried."""

    data: Sequence[AdminJobView]
    left: int
    """Number of matching dead jobs beyond the limit. Repeat the request to retry them."""
