"""What a failing job becomes."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.jobs.context import JobContext
from shared.jobs.declaration import Job
from shared.jobs.operators import cancel_job, dead_jobs, job_counts, retry_job
from shared.jobs.worker import WorkerSettings
from shared.kernel.backoff import Backoff
from shared.kernel.errors import (
    ConcurrencyConflict,
    Conflict,
    Invalid,
    NotFound,
    NotYet,
    Permanent,
    Transient,
    Unavailable,
)
from shared.kernel.ids import TenantId, new_id
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


async def test_between_two_tries_it_is_called_failed(service: ServiceOf) -> None:
    async def fails(job: JobContext) -> None:
        raise NotYet

    billing = await service([Job(fails, retry=Backoff(first_seconds=3600, most_seconds=3600))])
    async with billing.working():
        job = await billing.enqueue("fails")
        status = await billing.becomes("failed", job)
    assert (status.attempts, status.error, status.finished_at) == (1, None, None)
    (row,) = await billing.fetch("select run_at, error from jobs where id = $1", job)
    assert row["run_at"] > billing.clock.now() + timedelta(minutes=40)
    assert row["error"].startswith("NotYet")


async def test_what_is_refused_is_not_tried_again_but_a_lost_race_is(service: ServiceOf) -> None:
    errors = {
        "permanent": Permanent("the card was stolen"),
        "invalid": Invalid("no such currency"),
        "conflict": Conflict("the invoice is void"),
        "race": ConcurrencyConflict("invoice", new_id(), 3),
        "bug": RuntimeError("password=secret"),
    }

    async def fails(job: JobContext, how: str) -> None:
        raise errors[how]

    billing = await service([Job(fails, max_tries=2, retry=AT_ONCE)])
    async with billing.working():
        jobs = {how: await billing.enqueue("fails", how=how) for how in errors}
        ended = {how: await billing.becomes("dead", job) for how, job in jobs.items()}
    attempts = {how: status.attempts for how, status in ended.items()}
    assert attempts == {"permanent": 1, "invalid": 1, "conflict": 1, "race": 2, "bug": 2}
    assert ended["permanent"].error == "the card was stolen"
    assert ended["bug"].error == "The job failed for a reason on our side."


async def test_who_asks_to_wait_is_waited_for(service: ServiceOf) -> None:
    async def busy(job: JobContext) -> None:
        raise Unavailable("the provider is busy", retry_after=timedelta(hours=2))

    billing = await service([Job(busy, retry=AT_ONCE)])
    async with billing.working():
        job = await billing.enqueue("busy")
        await billing.becomes("failed", job)
    (row,) = await billing.fetch("select run_at from jobs where id = $1", job)
    assert row["run_at"] > billing.clock.now() + timedelta(minutes=110)


async def test_an_attempt_has_its_time(service: ServiceOf) -> None:
    async def endless(job: JobContext) -> None:
        await asyncio.Event().wait()

    billing = await service([Job(endless, timeout_seconds=0.05, max_tries=2, retry=AT_ONCE)])
    async with billing.working():
        status = await billing.becomes("dead", await billing.enqueue("endless"))
    assert (status.attempts, status.error) == (2, "the attempt took longer than 0.05 s")


async def test_a_time_out_of_the_handlers_own_is_its_own(service: ServiceOf) -> None:
    async def asks(job: JobContext) -> None:
        raise TimeoutError("the provider")

    billing = await service([Job(asks, max_tries=1)])
    async with billing.working():
        await billing.becomes("dead", await billing.enqueue("asks"))
    (dead,) = await dead_jobs(billing.database)
    assert dead.error == "TimeoutError: the provider"


async def test_a_result_that_is_no_json_is_an_error(service: ServiceOf) -> None:
    async def odd(job: JobContext) -> object:
        return object()

    billing = await service([Job(odd)])
    async with billing.working():
        status = await billing.becomes("dead", await billing.enqueue("odd"))
    assert status.attempts == 1
    assert "not JSON" in (status.error or "")


@pytest.mark.parametrize("text", ["a\0b", "half a pair \ud83d"])
async def test_a_result_that_postgresql_does_not_take_ends_the_job_at_its_first_try(
    service: ServiceOf, text: str
) -> None:
    async def odd(job: JobContext) -> str:
        return text

    billing = await service([Job(odd, retry=AT_ONCE)])
    async with billing.working():
        status = await billing.becomes("dead", await billing.enqueue("odd"))
    assert (status.attempts, status.error) == (1, "the job's work is done, but what it returned cannot be stored")


async def test_an_error_in_any_words_is_written_down(service: ServiceOf) -> None:
    async def fails(job: JobContext) -> None:
        raise Permanent("a\0b \ud83d " + "x" * 10_000)

    billing = await service([Job(fails)])
    async with billing.working():
        status = await billing.becomes("dead", await billing.enqueue("fails"))
    assert status.attempts == 1
    assert (status.error or "").startswith("ab ? xxx")


async def test_what_the_job_waited_for_being_cancelled_is_an_error_and_no_death(service: ServiceOf) -> None:
    async def waits(job: JobContext) -> None:
        gone = asyncio.create_task(asyncio.Event().wait())
        gone.cancel()
        await gone

    billing = await service([Job(waits, max_tries=2, retry=AT_ONCE)])
    # Leases hold for long: only an attempt that wrote its outcome down can be followed by another.
    async with billing.working(settings=WorkerSettings(lease_seconds=3600, poll_seconds=0.1)):
        status = await billing.becomes("dead", await billing.enqueue("waits"))
    assert (status.attempts, status.error) == (2, "something that the job waited for was cancelled")


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


async def test_an_attempt_without_its_lease_cannot_say_how_the_job_ended(service: ServiceOf) -> None:
    begun, let_go = {1: asyncio.Event(), 2: asyncio.Event()}, {1: asyncio.Event(), 2: asyncio.Event()}
    late: list[asyncio.Task[object] | None] = []

    async def hold(job: JobContext) -> str:
        late.append(asyncio.current_task())
        begun[job.job_try].set()
        await let_go[job.job_try].wait()
        return f"try {job.job_try}"

    billing = await service([Job(hold)])
    async with billing.working(settings=WorkerSettings(lease_seconds=3600)):  # its next heartbeat is far away
        job = await billing.enqueue("hold")
        await begun[1].wait()
        await billing.fetch("update jobs set lease_until = now() - interval '1 s'")
        async with billing.working():
            await begun[2].wait()
            let_go[1].set()
            assert late[0] is not None
            await late[0]
            assert (await billing.becomes("running", job)).attempts == 2
            let_go[2].set()
            assert (await billing.becomes("complete", job)).result == "try 2"
