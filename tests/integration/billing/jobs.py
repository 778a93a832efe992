"""Runs the handler of a job as a worker process does, without the worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.billing.app import SERVICE
from services.billing.ports import Resources
from tests.integration.billing.service import Company
from waypost.jobs.context import JobContext
from waypost.kernel.ids import JobId, new_id


@asynccontextmanager
async def job_of(company: Company, name: str, key: str = "once") -> AsyncIterator[JobContext[Resources]]:
    """The first execution of the tenant's job `name` with this idempotency key."""

    async def report(percent: int) -> None: ...

    async with SERVICE.job_resources() as resources:
        yield JobContext(
            id=JobId(new_id()),
            name=name,
            attempt=1,
            outages=0,
            tenant_id=company.tenant_id,
            enqueued_at=company.billing.clock.now(),
            idempotency_key=key,
            resources=resources,
            clock=company.billing.clock,
            open_unit=lambda: company.billing.unit_of_work(company.tenant_id),
            report=report,
        )
