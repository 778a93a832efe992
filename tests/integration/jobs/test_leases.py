"""Leases around an outage of the database, and around the end of a worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import make_url

from tests.fixtures.jobs import Service, migrate
from tests.fixtures.proxy import Proxy
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker import JobWorkerSettings, loop
from waypost.native.ports import LOOPBACK, free_ports
from waypost.testing.database import Databases, connected
from waypost.testing.eventually import eventually

ONE_EACH = JobWorkerSettings(max_jobs=1, lease_seconds=3, poll_seconds=0.1)
LAPSED = "select count(*) from jobs where status = 'running' and lease_until < now()"
CLAIMS_THAT_WAIT = """
select count(*) from pg_stat_activity
where datname = current_database() and application_name = 'job-worker' and wait_event_type = 'Lock'"""
STATEMENTS = """
select count(*) from pg_stat_activity
where datname = current_database() and application_name = 'job-worker' and state = 'active'"""


@asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before the database, and the DSN that leads through it."""
    url, (port,) = make_url(dsn), free_ports(1)
    assert url.port is not None
    async with Proxy(port, to_port=url.port) as proxy:
        yield proxy, url.set(host=LOOPBACK, port=port).render_as_string(hide_password=False)


async def until(look: asyncpg.Connection, query: str, expected: int) -> None:
    async def is_so() -> bool:
        return bool(await look.fetchval(query) == expected)

    await eventually(is_so, deadline_seconds=20)


async def test_workers_keep_their_jobs_over_an_outage_that_is_longer_than_a_lease(database: Databases) -> None:
    """Each renews its own leases before any of them releases lapsed leases."""
    begun, let_go = 0, asyncio.Event()

    async def hold(job: JobContext) -> int:
        nonlocal begun
        begun += 1
        await let_go.wait()
        return job.attempt

    own = await database("billing", migrate)
    async with proxied(own.app) as (proxy, through), connected(own.app) as look:
        services = [Service(through, [Job(hold)], ops_dsn=own.ops) for _ in range(4)]
        jobs = [await services[0].enqueue("hold") for _ in services]
        workers = [each.worker(settings=ONE_EACH) for each in services]
        for worker in workers:
            await worker.start()
        await eventually(lambda: begun == len(jobs), deadline_seconds=20)

        proxy.refuse()
        await until(look, LAPSED, len(jobs))
        await proxy.heal()
        await until(look, LAPSED, 0)
        for worker in workers:
            await worker.ready.wait()
        let_go.set()
        for job in jobs:
            assert (await services[0].becomes("complete", job)).result == 1
        for worker, each in zip(workers, services, strict=True):
            await worker.stop()
            await each.close()
    assert begun == len(jobs)


async def test_a_worker_that_cannot_renew_its_leases_is_not_ready_although_its_slots_are_full(
    database: Databases,
) -> None:
    let_go = asyncio.Event()

    async def hold(job: JobContext) -> None:
        await let_go.wait()

    own = await database("billing", migrate)
    billing = Service(own.app, [Job(hold)], ops_dsn=own.ops)
    async with proxied(own.app) as (proxy, through):
        behind = Service(through, [Job(hold)], ops_dsn=own.ops)
        async with behind.working(settings=ONE_EACH) as worker:
            job = await billing.enqueue("hold")
            await billing.becomes("running", job)  # the only slot is used
            proxy.refuse()
            polls = vars(worker)["_claims"]
            await eventually(lambda: polls.failures >= 3, deadline_seconds=20)
            assert not worker.ready.is_set()
            await proxy.heal()
            await worker.ready.wait()
            let_go.set()
            await billing.becomes("complete", job)
        await behind.close()
    await billing.close()


async def test_no_job_starts_from_a_claim_that_is_answered_after_the_drain(
    database: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LAST_CLAIM_SECONDS", 0.1)
    begun = asyncio.Event()

    async def work(job: JobContext) -> None:
        begun.set()

    own = await database("billing", migrate)
    billing = Service(own.app, [Job(work)], ops_dsn=own.ops)
    await billing.enqueue("work")
    worker = billing.worker()
    async with connected(own.app) as look, connected(own.owner) as owner:
        async with owner.transaction():
            await owner.execute("lock table jobs")
            await worker.start()
            await until(look, CLAIMS_THAT_WAIT, 1)
            await worker.drain(0)
        await until(look, STATEMENTS, 0)
        await worker.stop()
    assert not begun.is_set()
    await billing.close()
