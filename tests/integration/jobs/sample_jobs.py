"""Jobs that an operator views and changes."""

from typing import Any
from uuid import UUID

from tests.fixtures.jobs import Service
from waypost.jobs.context import JobContext
from waypost.jobs.status import Status
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import Permanent
from waypost.kernel.ids import JobId
from waypost.operations.jobs.lookup import find_job
from waypost.operations.jobs.search import JobSearch, find_jobs

AUDIT = AuditContext(operator="grace", reason="the provider is back")


async def fails(job: JobContext) -> None:
    raise Permanent("the card was stolen")


async def charge(job: JobContext, invoice_id: UUID, attempt: int = 1) -> str:
    return f"charged {invoice_id}, {attempt}"


async def found(billing: Service, job_id: JobId) -> Any:
    job = await find_job(billing.ops, job_id)
    assert job is not None
    return job


async def there_are(billing: Service, status: Status, jobs: int) -> bool:
    return len(await find_jobs(billing.ops, JobSearch(statuses=[status]))) == jobs
