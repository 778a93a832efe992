"""A tick happens once: with two concurrent schedulers, and with one killed or frozen between the
tick and its commit (fault matrix 17).
"""

from datetime import timedelta

from tests.faults.jobs_rig import JobsRig
from tests.fixtures.processes import is_stopped
from waypost.jobs.declaration import Scheduled
from waypost.postgres.sql import driver
from waypost.testing.database import connected
from waypost.testing.eventually import eventually

WAITING = "select pid from pg_stat_activity where application_name = 'billing-test' and wait_event_type = 'Lock'"
IDLE = "select from pg_stat_activity where pid = $1 and state = 'idle'"
DAILY = Scheduled("tick", every=timedelta(days=1))
"""As `tests.faults.jobs_process` declares it."""
DONE = "select tenant_id from job_results where status = 'complete'"


async def missed_a_week(jobs: JobsRig) -> None:
    await jobs.service.fetch("insert into job_schedules values ($1, now() - interval '7 days')", DAILY.name)


async def ticked(jobs: JobsRig) -> list[object]:
    async with jobs.service.database.transaction(jobs.tenants) as connection:
        raw = driver(connection)
        return [row["tenant_id"] for row in await raw.fetch(DONE)]


async def all_ticked(jobs: JobsRig) -> bool:
    return len(await ticked(jobs)) >= len(jobs.tenants)


async def test_two_at_once(jobs: JobsRig) -> None:
    await missed_a_week(jobs)
    first, second = await jobs.start(), await jobs.start()
    await eventually(lambda: all_ticked(jobs), deadline_seconds=20)
    await first.stop()
    await second.stop()
    assert sorted(map(str, await ticked(jobs))) == sorted(map(str, jobs.tenants))
    assert await jobs.service.fetch("select from jobs") == []


async def test_killed_between_the_tick_and_its_commit(jobs: JobsRig) -> None:
    await missed_a_week(jobs)
    first = await jobs.start(failpoints="schedule.before_commit=kill")
    assert await first.wait() == -9
    assert await jobs.service.fetch("select from jobs") == []
    second = await jobs.start()
    await eventually(lambda: all_ticked(jobs), deadline_seconds=20)
    await second.stop()
    assert sorted(map(str, await ticked(jobs))) == sorted(map(str, jobs.tenants))


async def test_frozen_between_the_tick_and_its_commit(jobs: JobsRig) -> None:
    """The server ends its transaction and another scheduler takes the tick; the resumed one reads
    again and finds it taken.
    """
    await missed_a_week(jobs)
    first = await jobs.start(failpoints="schedule.before_commit=stop")
    await eventually(lambda: is_stopped(first), deadline_seconds=20)
    second = await jobs.start()
    await eventually(lambda: all_ticked(jobs), deadline_seconds=30)
    await second.stop()
    async with connected(jobs.database.owner) as holder:
        async with holder.transaction():
            await holder.execute("lock table job_schedules")
            first.resume()
            (looking,) = await eventually(lambda: jobs.service.fetch(WAITING), deadline_seconds=20)
        await eventually(lambda: jobs.service.fetch(IDLE, looking["pid"]))
    assert await jobs.service.fetch("select from jobs") == []
    assert sorted(map(str, await ticked(jobs))) == sorted(map(str, jobs.tenants))
