"""Views of jobs for an operator."""

import asyncio
from datetime import timedelta

import pytest

from tests.integration.jobs.conftest import ServiceOf
from tests.integration.jobs.sample_jobs import AUDIT, charge, fails, found, there_are
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.status import Status
from waypost.kernel.errors import Invalid, Permanent
from waypost.kernel.ids import TenantId, new_id
from waypost.operations.jobs.changes import cancel_job, retry_job
from waypost.operations.jobs.lookup import find_job
from waypost.operations.jobs.search import JobSearch, find_jobs
from waypost.testing.eventually import eventually


async def test_list_and_single_view_of_a_job_agree_and_a_retried_job_has_not_ended(service: ServiceOf) -> None:
    held, mended = asyncio.Event(), False

    async def slow(job: JobContext) -> None:
        await job.progress(40)
        if not mended:
            raise Permanent("no rows")
        await held.wait()

    billing = await service([Job(slow)])
    await billing.add_tenants(billing.tenant)
    theirs = await billing.enqueue("slow", tenant=TenantId(new_id()))
    async with billing.working():
        job = await billing.enqueue("slow")
        await billing.becomes("dead", job)
        await eventually(lambda: there_are(billing, Status.DEAD, 2))
        listed = {this_job.id: this_job for this_job in await find_jobs(billing.ops, JobSearch())}
        assert listed[job] == (dead := await found(billing, job))
        assert dead.finished_at is not None and (dead.progress, dead.error) == (40, "Permanent: no rows")
        assert listed[theirs].finished_at is not None
        mended = True
        await retry_job(billing.admin_service, job, AUDIT)
        await billing.becomes("running", job)
        running = await found(billing, job)
        assert (running.status, running.finished_at, running.error) == (Status.RUNNING, None, None)
        assert await find_jobs(billing.ops, JobSearch(tenant_id=billing.tenant)) == [running]
        held.set()
        await billing.becomes("complete", job)


async def test_job_that_ends_during_a_read_is_shown_in_its_earlier_state(service: ServiceOf) -> None:
    billing = await service([Job(fails)])
    job = await billing.enqueue("fails")
    await billing.fetch("update job_results set status = 'dead', finished_at = now()")
    waiting = await found(billing, job)
    assert (waiting.status, waiting.finished_at) == (Status.QUEUED, None)


async def test_a_job_is_shown_whole_while_it_is_pending_and_by_its_result_when_it_is_done(service: ServiceOf) -> None:
    billing, invoice = await service([Job(charge)]), new_id()
    await billing.add_tenants(billing.tenant, TenantId(new_id()))
    job = await billing.enqueue(
        "charge", invoice_id=invoice, run_at=billing.clock.now() + timedelta(days=1), priority=3
    )
    waiting = await found(billing, job)
    assert (waiting.status, waiting.priority, waiting.attempts) == (Status.QUEUED, 3, 0)
    assert waiting.arguments == {"invoice_id": str(invoice)}
    await billing.pass_time(timedelta(days=2))
    async with billing.working():
        await billing.becomes("complete", job)
    done = await found(billing, job)
    assert (done.status, done.result, done.arguments) == (Status.COMPLETE, f"charged {invoice}, 1", None)
    (listed,) = await find_jobs(billing.ops, JobSearch(statuses=[Status.COMPLETE], tenant_id=billing.tenant))
    assert listed == done
    with pytest.raises(Invalid, match="name the tenant"):
        await find_jobs(billing.ops, JobSearch(statuses=[Status.COMPLETE]))
    assert await find_job(billing.ops, new_id()) is None


async def test_list_of_one_tenant_includes_completed_jobs(service: ServiceOf) -> None:
    billing = await service([Job(charge)])
    async with billing.working():
        done = await billing.enqueue("charge", invoice_id=new_id())
        await billing.becomes("complete", done)
    taken_away, waiting = [await billing.enqueue("charge", invoice_id=new_id()) for _ in range(2)]
    await cancel_job(billing.admin_service, taken_away, AUDIT)
    await billing.enqueue("charge", tenant=TenantId(new_id()), invoice_id=new_id())
    listed = await find_jobs(billing.ops, JobSearch(tenant_id=billing.tenant))
    assert [item.id for item in listed] == [taken_away, waiting, done], "the latest first"
    latest = await find_jobs(billing.ops, JobSearch(tenant_id=billing.tenant, limit=1))
    assert [job.id for job in latest] == [taken_away]
    assert len(await find_jobs(billing.ops, JobSearch())) == 2
