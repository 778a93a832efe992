"""Hosts whose clocks are ten minutes ahead or behind: jobs are due by the time of the database."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.jobs.conftest import ServiceOf
from waypost.hosting.database_clock import DatabaseClock
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job, Scheduled
from waypost.jobs.schedule import Scheduler
from waypost.jobs.tenant_directory import all_tenants
from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import Transient
from waypost.testing.hosted import running

MINUTE = timedelta(minutes=1)
SKEWS = [pytest.param(10 * MINUTE, id="ahead"), pytest.param(-10 * MINUTE, id="behind")]


async def work(job: JobContext) -> None: ...


@pytest.mark.parametrize("key", [None, "inv-1"])
@pytest.mark.parametrize("skew", SKEWS)
async def test_a_job_enqueued_by_a_host_with_a_wrong_clock_runs_at_once(
    service: ServiceOf, skew: timedelta, key: str | None
) -> None:
    billing = await service([Job(work)])
    billing.clock.move(skew)
    job = await billing.enqueue("work", idempotency_key=key)
    billing.clock.move(-skew)
    async with billing.working():
        await billing.becomes("complete", job)
    (stored,) = await billing.fetch("select now() - enqueued_at as age from job_results")
    assert abs(stored["age"]) < MINUTE


@pytest.mark.parametrize("skew", SKEWS)
async def test_a_worker_with_a_wrong_clock_runs_jobs_when_they_are_due(service: ServiceOf, skew: timedelta) -> None:
    billing = await service([Job(work)])
    at_once = await billing.enqueue("work")
    later = await billing.enqueue("work", run_at=billing.clock.now() + 5 * MINUTE)
    billing.clock.move(skew)
    async with billing.working():
        await billing.becomes("complete", at_once)
        await billing.becomes("complete", await billing.enqueue("work"))
        assert (await billing.becomes("queued", later)).attempts == 0
        await billing.pass_time(5 * MINUTE)
        await billing.becomes("complete", later)


@pytest.mark.parametrize("error", [RuntimeError, Transient])
@pytest.mark.parametrize("skew", SKEWS)
async def test_a_retry_waits_by_the_databases_time(service: ServiceOf, skew: timedelta, error: type[Exception]) -> None:
    async def fails(job: JobContext) -> None:
        raise error

    billing = await service([Job(fails, retry=Backoff(first_seconds=1, factor=1))])
    billing.clock.move(skew)
    async with billing.working():
        await billing.becomes("failed", await billing.enqueue("fails"))
    (row,) = await billing.fetch("select run_at - now() as wait from jobs")
    assert abs(row["wait"]) < MINUTE


@pytest.mark.parametrize("skew", SKEWS)
async def test_a_scheduler_on_a_host_with_a_wrong_clock_takes_the_ticks_of_the_databases_time(
    service: ServiceOf, skew: timedelta
) -> None:
    billing = await service([Job(work)])
    billing.clock.move(skew)
    clock = DatabaseClock(billing.database, host=billing.clock)
    async with running(clock):
        scheduler = Scheduler(
            billing.database,
            [Scheduled("work", every=MINUTE)],
            billing.registry,
            all_tenants,
            clock=clock,
            wakeup_sender=billing.wakeup_sender,
        )
        await scheduler.tick()
        billing.clock.move(10 * skew)
        assert abs(clock.now() - datetime.now(UTC)) < MINUTE
    (row,) = await billing.fetch("select now() - last_tick as age from job_schedules")
    assert timedelta() <= row["age"] < 2 * MINUTE
