"""Ticks, with a clock that the test sets."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fixtures.jobs import Service
from tests.integration.jobs.conftest import ServiceOf
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job, ListTenants, Scheduled
from waypost.jobs.schedule import Scheduler
from waypost.kernel.errors import Misconfigured, Transient
from waypost.kernel.ids import TenantId, new_id
from waypost.postgres.tenancy import TENANTS_AT_ONCE
from waypost.testing.eventually import eventually

NIGHTLY = Scheduled("clean_up", at="02:00")
TENANTS = [TenantId(new_id()) for _ in range(3)]


async def clean_up(job: JobContext) -> str:
    return str(job.tenant_id)


async def tell_when(job: JobContext) -> str:
    return job.enqueued_at.isoformat()


async def needs_more(job: JobContext, number: int) -> None: ...


async def everybody(_: AsyncConnection) -> list[TenantId]:
    return TENANTS


async def broken(_: AsyncConnection) -> list[TenantId]:
    raise ConnectionResetError


def scheduler(service: Service, *schedule: Scheduled, tenants: ListTenants = everybody) -> Scheduler:
    return Scheduler(
        service.database,
        schedule or (NIGHTLY,),
        service.registry,
        tenants,
        clock=service.clock,
        wakeup_sender=service.wakeup_sender,
        poll_seconds=0.02,
    )


def set_clock(service: Service, moment: str) -> None:
    service.clock.move_to(datetime.fromisoformat(moment).replace(tzinfo=UTC))


async def queued(service: Service) -> int:
    return len(await service.fetch("select from jobs"))


async def test_a_tick_enqueues_one_job_per_tenant_once_over_all_schedulers(service: ServiceOf) -> None:
    billing = await service([Job(clean_up)])
    schedulers = [scheduler(billing) for _ in range(4)]
    set_clock(billing, "2025-03-01T01:59:00")
    await asyncio.gather(*(this_scheduler.tick() for this_scheduler in schedulers))
    assert await queued(billing) == 0
    set_clock(billing, "2025-03-01T02:00:01")
    await asyncio.gather(*(each_scheduler.tick() for each_scheduler in schedulers))
    await asyncio.gather(*(each_scheduler.tick() for each_scheduler in schedulers))
    rows = await billing.fetch("select tenant_id, idempotency_key from jobs")
    assert {row["tenant_id"] for row in rows} == set(TENANTS)
    assert len(rows) == 3
    assert {row["idempotency_key"] for row in rows} == {"clean_up at 02:00 UTC 2025-03-01T02:00:00+00:00"}


async def test_latest_missed_tick_is_caught_up(service: ServiceOf) -> None:
    billing = await service([Job(clean_up)])
    set_clock(billing, "2025-03-01T12:00:00")
    await scheduler(billing).tick()
    assert await queued(billing) == 0, "a new schedule has missed nothing"
    set_clock(billing, "2025-03-08T12:00:00")
    await scheduler(billing).tick()
    await scheduler(billing).tick()
    assert await queued(billing) == 3


async def test_caught_up_job_has_its_tick(service: ServiceOf) -> None:
    billing = await service([Job(tell_when, name="clean_up")])
    billing.tenant = TENANTS[0]
    set_clock(billing, "2025-03-01T12:00:00")
    await scheduler(billing).tick()
    set_clock(billing, "2025-03-08T12:00:00")
    await scheduler(billing).tick()
    async with billing.working():
        await eventually(lambda: billing.fetch("select from job_results where status = 'complete'"))
    (row,) = await billing.fetch("select result from job_results")
    assert "2025-03-08T02:00:00+00:00" in row["result"]


async def test_a_clock_that_goes_back_repeats_nothing(service: ServiceOf) -> None:
    billing = await service([Job(clean_up)])
    running = scheduler(billing)
    for moment in ("2025-03-01T01:00:00", "2025-03-01T03:00:00", "2025-02-20T03:00:00", "2025-03-01T02:00:00"):
        set_clock(billing, moment)
        await running.tick()
        await scheduler(billing).tick()
    assert await queued(billing) == 3


async def test_clock_jump_over_ticks_catches_up_the_last_and_continues(service: ServiceOf) -> None:
    billing = await service([Job(clean_up)])
    minutely = Scheduled("clean_up", every=timedelta(minutes=1))
    running = scheduler(billing, minutely)
    jumps = {
        "2025-03-01T02:00:30": 0,  # new: no missed ticks
        "2025-03-01T02:10:30": 1,  # forward over ten ticks
        "2025-03-01T02:05:30": 1,  # back: these were enqueued
        "2025-03-01T02:10:59": 1,
        "2025-03-01T02:11:00": 2,
    }
    for moment, ticks in jumps.items():
        set_clock(billing, moment)
        for each in (running, scheduler(billing, minutely)):
            await each.tick()
        assert await queued(billing) == ticks * len(TENANTS), moment


async def test_tick_is_taken_once_by_the_clock_that_is_ahead(service: ServiceOf) -> None:
    billing = await service([Job(clean_up)])
    set_clock(billing, "2025-03-01T01:40:00")
    await scheduler(billing).tick()
    for ahead, behind in (("02:00:01", "01:50:00"), ("02:20:00", "02:00:01"), ("02:30:00", "02:10:00")):
        for at in (ahead, behind):
            set_clock(billing, f"2025-03-01T{at}")
            await scheduler(billing).tick()  # like a process that has just started, without memory
        assert await queued(billing) == len(TENANTS)


async def test_clock_far_ahead_takes_no_tick_and_continues_after_its_correction(service: ServiceOf) -> None:
    billing = await service([Job(clean_up)])
    running = scheduler(billing)
    set_clock(billing, "2025-03-01T01:00:00")
    await running.tick()
    billing.clock.move_to(datetime.now(UTC) + timedelta(days=30_000))
    with pytest.raises(Transient, match="this host's clock is wrong"):
        await running.tick()
    set_clock(billing, "2025-03-01T02:00:01")
    await running.tick()
    assert await queued(billing) == 3


CHANGES = [
    ("30 2 * * *", "America/New_York", "2025-03-09", "03:00-04:00"),  # 02:30 is skipped
    ("30 1 * * *", "America/New_York", "2024-11-03", "01:30-04:00"),  # 01:30 is repeated
    ("30 2 * * *", "Europe/Berlin", "2025-03-30", "03:00+02:00"),
    ("30 2 * * *", "Europe/Berlin", "2024-10-27", "02:30+02:00"),
    ("15 2 * * *", "Australia/Lord_Howe", "2024-10-06", "02:30+11:00"),  # by half an hour
    ("45 1 * * *", "Australia/Lord_Howe", "2025-04-06", "01:45+11:00"),
]


@pytest.mark.parametrize(("line", "zone", "day", "tick"), CHANGES)
async def test_a_cron_tick_happens_once_where_the_clock_changes(
    service: ServiceOf, line: str, zone: str, day: str, tick: str
) -> None:
    billing = await service([Job(clean_up)])
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    schedulers = [scheduler(billing, Scheduled("clean_up", cron=line, zone=zone)) for _ in range(2)]
    for minutes in range(0, 6 * 60, 5):
        set_clock(billing, (midnight + timedelta(minutes=minutes)).replace(tzinfo=None).isoformat())
        await asyncio.gather(*(this_scheduler.tick() for this_scheduler in schedulers))
    due = datetime.fromisoformat(f"{day}T{tick}").astimezone(UTC)
    keys = {row["idempotency_key"] for row in await billing.fetch("select idempotency_key from jobs")}
    assert keys == {f"clean_up {line} {zone} {due.isoformat()}"}
    assert await queued(billing) == len(TENANTS)


@pytest.mark.parametrize(("line", "zone", "day", "tick"), CHANGES)
async def test_cron_tick_missed_in_a_clock_change_is_caught_up(
    service: ServiceOf, line: str, zone: str, day: str, tick: str
) -> None:
    billing = await service([Job(clean_up)])
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    nightly = Scheduled("clean_up", cron=line, zone=zone)
    for hours in (-72, 5):  # three ticks were missed in between
        set_clock(billing, (midnight + timedelta(hours=hours)).replace(tzinfo=None).isoformat())
        await scheduler(billing, nightly).tick()
    due = datetime.fromisoformat(f"{day}T{tick}")
    assert {row["enqueued_at"] for row in await billing.fetch("select enqueued_at from jobs")} == {due}


async def test_more_tenants_than_one_statement_takes_each_get_their_job(service: ServiceOf) -> None:
    many = [TenantId(new_id()) for _ in range(TENANTS_AT_ONCE + 1)]

    async def crowd(_: AsyncConnection) -> list[TenantId]:
        return many

    billing = await service([Job(clean_up)])
    running = scheduler(billing, tenants=crowd)
    for moment in ("2025-03-01T01:00:00", "2025-03-01T03:00:00"):
        set_clock(billing, moment)
        await running.tick()
    assert {row["tenant_id"] for row in await billing.fetch("select tenant_id from jobs")} == set(many)


async def test_a_tick_that_fails_midway_is_taken_by_the_next(service: ServiceOf) -> None:
    billing = await service([Job(clean_up)])
    set_clock(billing, "2025-03-01T01:00:00")
    await scheduler(billing).tick()
    set_clock(billing, "2025-03-01T03:00:00")
    with pytest.raises(Transient):
        await scheduler(billing, tenants=broken).tick()
    await scheduler(billing).tick()
    assert await queued(billing) == 3


async def test_failing_schedule_does_not_stop_the_ones_after_it(service: ServiceOf) -> None:
    billing = await service([Job(clean_up)])
    running = scheduler(billing, Scheduled("clean_up", at="02:10", tenants=broken), NIGHTLY)
    set_clock(billing, "2025-03-01T01:00:00")
    await running.tick()
    set_clock(billing, "2025-03-01T03:00:00")
    with pytest.raises(Transient):
        await running.tick()
    assert await queued(billing) == len(TENANTS)


async def test_scheduler_runs_beside_a_worker(service: ServiceOf) -> None:
    billing = await service([Job(clean_up)])
    billing.tenant = TENANTS[0]
    set_clock(billing, "2025-03-01T01:59:59")
    running = scheduler(billing, Scheduled("clean_up", every=timedelta(minutes=1)))
    async with billing.working():
        await running.start()
        await running.ready.wait()
        set_clock(billing, "2025-03-01T02:00:00")
        await eventually(lambda: billing.fetch("select from job_results where status = 'complete'"))
        await running.drain(1)
        await running.stop()
    (row,) = await billing.fetch("select result from job_results")
    assert str(TENANTS[0]) in row["result"]


async def test_a_schedule_of_no_job_is_refused_at_start(service: ServiceOf) -> None:
    billing = await service([Job(clean_up), Job(needs_more)])
    for wrong in ("nothing", "needs_more"):
        with pytest.raises(Misconfigured, match=wrong):
            await scheduler(billing, Scheduled(wrong, at="02:00")).start()
