"""The job queue in memory: what was enqueued, for those who look; nothing runs it."""

from datetime import datetime
from typing import get_args
from uuid import UUID

from waypost.kernel.errors import Invalid
from waypost.kernel.ids import JobId, new_id
from waypost.kernel.tenant import sole_tenant
from waypost.memory.database import MemoryTransaction, QueuedJob
from waypost.ports.jobs import Scalar


class MemoryJobQueue:
    """`waypost.ports.jobs.JobQueue` inside one open transaction."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    async def enqueue(
        self,
        name: str,
        *,
        idempotency_key: str | None = None,
        run_at: datetime | None = None,
        priority: int = 0,
        owner_id: UUID | None = None,
        **arguments: Scalar,
    ) -> JobId:
        _require_scalars(arguments)
        tenant_id = sole_tenant(self._transaction.tenants)
        queued = self._transaction.tables.jobs
        for job in queued.values():
            if idempotency_key and (job.tenant_id, job.name, job.idempotency_key) == (tenant_id, name, idempotency_key):
                return job.id
        job_id = JobId(new_id())
        queued[job_id] = QueuedJob(
            id=job_id, name=name, tenant_id=tenant_id, idempotency_key=idempotency_key, arguments=dict(arguments)
        )
        return job_id


def _require_scalars(arguments: dict[str, Scalar]) -> None:
    for name, value in arguments.items():
        if not isinstance(value, get_args(Scalar)):
            raise Invalid(
                f"{name} is a {type(value).__name__}: jobs take ids and scalars, and read the rest when they run"
            )
