"""The in-memory job queue: stores jobs for tests to read; no worker runs them."""

from typing import get_args

from waypost.kernel.errors import Invalid
from waypost.kernel.ids import JobId, new_id
from waypost.kernel.tenant import sole_tenant
from waypost.memory.database import MemoryTransaction, QueuedJob
from waypost.ports.jobs import JobQueue, NewJob, Scalar


class MemoryJobQueue(JobQueue):
    """`waypost.ports.jobs.JobQueue` inside one open transaction."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    async def add(self, job: NewJob) -> JobId:
        _require_scalars(job)
        tenant_id = sole_tenant(self._transaction.tenants)
        queued = self._transaction.tables.jobs
        key = (tenant_id, job.name, job.idempotency_key)
        if job.idempotency_key:
            await queued.lock(key)
        for other in queued.values():
            if job.idempotency_key and (other.tenant_id, other.name, other.idempotency_key) == key:
                return other.id
        job_id = JobId(new_id())
        queued[job_id] = QueuedJob(
            id=job_id,
            name=job.name,
            tenant_id=tenant_id,
            idempotency_key=job.idempotency_key,
            arguments=dict(job.arguments),
        )
        return job_id


def _require_scalars(job: NewJob) -> None:
    for name, value in job.arguments.items():
        for element in value if isinstance(value, list) else [value]:
            if not isinstance(element, get_args(Scalar)):
                raise Invalid(
                    f"{name} is a {type(element).__name__}: jobs take ids, scalars and lists of scalars, and load other"
                    " data when they run"
                )
