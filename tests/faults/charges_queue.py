"""Billing's queued jobs: a test enqueues them and waits for their outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.integration.billing.service import BillingService, Company
from waypost.kernel.ids import JobId, TenantId
from waypost.kernel.tenant import bound_tenants
from waypost.testing.database import connected
from waypost.testing.eventually import eventually


@dataclass(frozen=True, slots=True)
class ChargesQueue:
    billing: BillingService

    async def enqueue(self, tenant_id: TenantId, name: str, **arguments: Any) -> JobId:
        with bound_tenants([tenant_id]):
            async with self.billing.bus.units.begin() as uow:
                return await uow.jobs.enqueue(name, **arguments)

    async def becomes(self, status: str, company: Company, **of: object) -> Mapping[str, Any]:
        """Waits until the tenant's job has this status, and returns it."""
        (column, value), *_ = of.items()

        async def found() -> Mapping[str, Any]:
            rows = await company.rows(f"select * from job_results where {column} = :value", value=value)
            assert [row["status"] for row in rows] == [status], rows
            return rows[0]

        return await eventually(found, deadline_seconds=20)

    async def has_failed(self, company: Company, times: int) -> bool:
        """True if the charge job has been executed this many times and waits for the next one."""
        query = "select 1 from jobs where name = 'charge_invoice' and status = 'queued' and attempts + outages = :times"
        return bool(await company.rows(query, times=times))

    async def tenants_with(self, name: str) -> Sequence[TenantId]:
        """Tenants that have such a job queued."""
        async with connected(self.billing.where.app) as app:
            return [row["tenant_id"] for row in await app.fetch("select tenant_id from jobs where name = $1", name)]

    async def until_swept(self) -> None:
        """The sweep leaves no row, so a test cannot wait for its result."""

        async def swept() -> bool:
            return not await self.tenants_with("resolve_attempts")

        await eventually(swept, deadline_seconds=20)

    async def forget(self) -> None:
        """Deletes all queued jobs, as if an operator had cancelled them."""
        async with connected(self.billing.where.app) as app:
            await app.execute("delete from jobs")

    async def hurry(self) -> None:
        """Makes queued jobs due, so that a test does not wait for a backoff."""
        async with connected(self.billing.where.app) as app:
            await app.execute("update jobs set run_at = now() where status = 'queued' and name <> 'retry_payment'")

    async def was_interrupted(self) -> bool:
        """True if a job reached a failpoint that raises."""
        async with connected(self.billing.where.app) as app:
            return bool(await app.fetchval("select exists (select from jobs where error like 'FailpointReached%')"))
