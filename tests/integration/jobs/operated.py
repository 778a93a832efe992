"""Jobs for an operator to look at and to change."""

from typing import Any
from uuid import UUID

from shared.jobs.context import JobContext
from shared.jobs.results import Status
from shared.kernel.errors import Permanent
from shared.kernel.ids import JobId
from shared.kernel.mandate import Mandate
from shared.operations.jobs.finding import JobSearch, find_job, find_jobs
from tests.fixtures.jobs import Service

MANDATE = Mandate(operator="grace", reason="the provider is back")


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
