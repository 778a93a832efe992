"""Jobs of a schedule do not pile up while none of them succeeds."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.jobs import SCHEDULE
from tests.fixtures.jobs import Service
from tests.integration.jobs.conftest import ServiceOf
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job, Scheduled
from waypost.jobs.schedule import Scheduler
from waypost.kernel.errors import Transient
from waypost.kernel.ids import TenantId, new_id

MINUTE = timedelta(minutes=1)
FIRST, SECOND = TenantId(new_id()), TenantId(new_id())


async def sweep(job: JobContext) -> None: ...


async def fail(job: JobContext) -> None:
    raise Transient("the provider does not answer")


async def both(_: AsyncConnection) -> list[TenantId]:
    return [FIRST, SECOND]


def scheduler(service: Service, scheduled: Scheduled) -> Scheduler:
    return Scheduler(
        service.database,
        [scheduled],
        service.registry,
        both,
        clock=service.clock,
        wakeup_sender=service.wakeup_sender,
    )


async def pass_minutes(service: Service, running: Scheduler, minutes: int) -> None:
    for _ in range(minutes):
        service.clock.move(MINUTE)
        await running.tick()


async def waiting(service: Service) -> Mapping[UUID, int]:
    query = "select tenant_id, count(*) as jobs from jobs where status = 'queued' group by tenant_id"
    return {row["tenant_id"]: row["jobs"] for row in await service.fetch(query)}


async def test_one_job_per_tenant_waits_for_the_end_of_an_outage(service: ServiceOf) -> None:
    billing = await service([Job(sweep)])
    running = scheduler(billing, Scheduled("sweep", every=MINUTE, skip_if_queued=True))
    await running.tick()
    await pass_minutes(billing, running, 5)
    assert await waiting(billing) == {FIRST: 1, SECOND: 1}


async def test_a_job_that_waits_for_its_next_attempt_counts(service: ServiceOf) -> None:
    billing = await service([Job(fail, name="sweep")])
    billing.tenant = FIRST
    running = scheduler(billing, Scheduled("sweep", every=MINUTE, skip_if_queued=True))
    await running.tick()
    await pass_minutes(billing, running, 1)
    (row,) = await billing.fetch("select id from jobs where tenant_id = $1", FIRST)
    async with billing.working():
        await billing.becomes("failed", row["id"])
    await pass_minutes(billing, running, 5)
    assert await waiting(billing) == {FIRST: 1, SECOND: 1}


async def test_jobs_that_no_tick_enqueued_and_jobs_of_another_day_do_not_count(service: ServiceOf) -> None:
    billing = await service([Job(sweep)])
    running = scheduler(billing, Scheduled("sweep", every=MINUTE, skip_if_queued=True))
    await running.tick()
    await pass_minutes(billing, running, 1)
    await billing.fetch("delete from jobs where tenant_id = $1", FIRST)
    await billing.enqueue("sweep", tenant=FIRST, idempotency_key="by hand")
    await billing.fetch(
        "update jobs set run_at = now() + interval '1 day', delayed = true where tenant_id = $1", SECOND
    )
    await pass_minutes(billing, running, 1)
    assert await waiting(billing) == {FIRST: 2, SECOND: 2}


async def test_a_tenant_whose_job_ran_or_died_gets_the_next_tick(service: ServiceOf) -> None:
    billing = await service([Job(sweep)])
    running = scheduler(billing, Scheduled("sweep", every=MINUTE, skip_if_queued=True))
    await running.tick()
    await pass_minutes(billing, running, 1)
    await billing.fetch("delete from jobs where tenant_id = $1", FIRST)
    await billing.fetch("update jobs set status = 'dead' where tenant_id = $1", SECOND)
    await pass_minutes(billing, running, 2)
    assert await waiting(billing) == {FIRST: 1, SECOND: 1}


async def test_every_tick_of_another_schedule_is_kept(service: ServiceOf) -> None:
    billing = await service([Job(sweep)])
    running = scheduler(billing, Scheduled("sweep", every=MINUTE))
    await running.tick()
    await pass_minutes(billing, running, 3)
    assert await waiting(billing) == {FIRST: 3, SECOND: 3}


def test_the_minutely_jobs_of_billing_do_not_pile_up() -> None:
    assert {scheduled.job for scheduled in SCHEDULE if scheduled.skip_if_queued} == {
        "resolve_attempts",
        "renew_subscriptions",
        "reconcile_payments",
        "record_write_offs",
        "erase_earlier_texts",
    }
