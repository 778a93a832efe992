"""Jobs that gave up, and what an operator does with them."""

import asyncio
from uuid import UUID

from sqlalchemy import text

from shared.jobs.context import JobContext
from shared.jobs.declaration import Job
from shared.kernel.backoff import Backoff
from shared.kernel.errors import NotFound, Permanent, Transient
from shared.kernel.ids import TenantId, new_id
from shared.operations.jobs import cancel_job, dead_jobs, job_counts, retry_job
from shared.postgres.database import Database
from tests.fixtures.eventually import eventually
from tests.integration.jobs.conftest import ServiceOf

AT_ONCE = Backoff(first_seconds=0.01, factor=1)


async def test_it_is_tried_again_and_ends_as_dead_which_can_be_sent_again(service: ServiceOf) -> None:
    tries: list[int] = []
    mended = False

    async def flaky(job: JobContext) -> str:
        tries.append(job.job_try)
        if not mended:
            raise Transient("the provider does not answer")
        return "done"

    billing = await service([Job(flaky, max_tries=3, retry=AT_ONCE)])
    async with billing.working():
        job = await billing.enqueue("flaky")
        status = await billing.becomes("dead", job)
        assert (status.attempts, status.error) == (3, "the provider does not answer")
        (dead,) = await dead_jobs(billing.database, name="flaky", tenant_id=billing.tenant)
        assert (dead.id, dead.attempts, dead.error) == (job, 3, "Transient: the provider does not answer")
        assert [(count.name, count.status, count.jobs) for count in await job_counts(billing.database)] == [
            ("flaky", "dead", 1)
        ]
        mended = True
        assert await retry_job(billing.database, job)
        assert (await billing.becomes("complete", job)).error is None
    assert tries == [1, 2, 3, 1]
    assert not await retry_job(billing.database, job)


async def test_a_job_of_a_tenant_who_is_gone_ends_as_dead_and_sees_nobody_elses_rows(service: ServiceOf) -> None:
    seen: list[int] = []

    async def charge(job: JobContext, invoice_id: UUID) -> str:
        async with job.begin() as unit:
            seen.append((await unit.rows.execute(text("select count(*) from job_results"))).scalar_one())
        if job.tenant_id == gone:
            raise NotFound(f"there is no invoice {invoice_id}")
        return "charged"

    billing, gone = await service([Job(charge)]), TenantId(new_id())
    orphan = await billing.enqueue("charge", tenant=gone, invoice_id=new_id())
    async with billing.working():
        await billing.becomes("complete", await billing.enqueue("charge", invoice_id=new_id()))
        await eventually(lambda: dead_jobs(billing.database, tenant_id=gone))
    status = await billing.status(orphan, tenant=gone)
    assert status is not None and (status.status, status.attempts) == ("dead", 1)
    assert seen == [1, 1], "each sees its own row alone"


async def test_a_cancelled_job_is_stopped_and_its_outcome_dropped(service: ServiceOf) -> None:
    stopped = asyncio.Event()

    async def endless(job: JobContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    billing = await service([Job(endless)])
    async with billing.working():
        job = await billing.enqueue("endless")
        await billing.becomes("running", job)
        assert await cancel_job(billing.database, job)
        await stopped.wait()
    assert (await billing.becomes("cancelled", job)).finished_at is not None
    assert not await cancel_job(billing.database, job)


async def test_the_operators_role_may_do_all_this(service: ServiceOf) -> None:
    async def fails(job: JobContext) -> None:
        raise Permanent

    billing = await service([Job(fails)])
    async with billing.working():
        first, second = await billing.enqueue("fails"), await billing.enqueue("fails")
        await billing.becomes("dead", first)
        await billing.becomes("dead", second)
    operator = Database(billing.ops_dsn, application_name="operator", pool_size=1)
    try:
        assert {dead.id for dead in await dead_jobs(operator)} == {first, second}
        assert await retry_job(operator, first)
        assert await cancel_job(operator, second)
    finally:
        await operator.close()
    await billing.becomes("queued", first)
    await billing.becomes("cancelled", second)
