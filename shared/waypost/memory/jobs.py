"""The job queue in memory: it keeps what was enqueued, for tests to read; nothing runs it."""

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
        for each in queued.values():
            if job.idempotency_key and (each.tenant_id, each.name, each.idempotency_key) == key:
                return each.id
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
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, get_args(Scalar)):
                raise Invalid(
                    f"{name} is a {type(each).__name__}: jobs take ids, scalars and lists of scalars, and read the rest when"
                    " they run"
                )
