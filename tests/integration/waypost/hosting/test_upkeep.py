"""Retention deletes expired rows of every tenant and keeps the other rows."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fixtures.jobs import Service, migrate
from waypost.hosting.retention_sweeper import Retention, RetentionSweeper
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.kernel.ids import TenantId, new_id
from waypost.postgres.sql import driver
from waypost.postgres.tenancy import TENANTS_AT_ONCE
from waypost.testing.database import Databases
from waypost.testing.eventually import eventually

TENANTS = [TenantId(new_id()) for _ in range(TENANTS_AT_ONCE + 1)]
LONG = Retention()

_TAKEN_IN = """
insert into processed_messages (consumer, event_id, tenant_id, topic, partition, kafka_offset, processed_at)
select 'billing.customers', gen_random_uuid(), $1, 'users.user', 0, 1, now() - age::interval
from generate_series(1, $3), unnest($2::interval[]) as age"""
_ANSWERED = """
insert into idempotency_keys (tenant_id, route, key, body_hash, status, body, created_at)
select tenant_id, '/invoices', age::text, '', 201, '', now() - age
from unnest($1::uuid[]) as tenant_id, unnest($2::interval[]) as age"""
_FINISHED = """
insert into job_results (tenant_id, job_id, name, status, enqueued_at, finished_at)
select tenant_id, gen_random_uuid(), 'work', status, now() - age, now() - age
from unnest($1::uuid[]) as tenant_id, unnest($2::interval[]) as age, unnest(array['complete', 'cancelled', 'dead']) as status"""
_UNFINISHED = """
insert into job_results (tenant_id, job_id, name, enqueued_at)
select tenant_id, gen_random_uuid(), 'work', now() - interval '90 days' from unnest($1::uuid[]) as tenant_id"""


async def work(job: JobContext) -> None: ...


async def directory(_: AsyncConnection) -> list[TenantId]:
    return TENANTS


@pytest.fixture
async def billing(database: Databases) -> AsyncIterator[Service]:
    service = Service((await database("billing", migrate)).app, [Job(work)])
    yield service
    await service.database.close()


async def fill(service: Service, taken_in: int = 1) -> None:
    """An old row and a young one of each kind; for the first tenant and the last."""
    ends = [TENANTS[0], TENANTS[-1]]
    async with service.database.transaction(ends) as rows:
        raw = driver(rows)
        await raw.execute(_TAKEN_IN, ends[0], around(LONG.inbox), taken_in)
        await raw.execute(_ANSWERED, ends, around(LONG.stored_responses))
        await raw.execute(_FINISHED, ends, around(LONG.results))
        await raw.execute(_UNFINISHED, ends)


def around(age: timedelta) -> list[timedelta]:
    return [age + timedelta(minutes=1), age - timedelta(minutes=1)]


async def kept(service: Service) -> dict[str, int]:
    async with service.database.transaction(TENANTS) as rows:
        raw = driver(rows)
        queries = {
            "inbox": "select count(*) from processed_messages",
            "answers": "select count(*) from idempotency_keys",
            "results": "select count(*) from job_results where status in ('complete', 'cancelled')",
            "dead": "select count(*) from job_results where status = 'dead'",
            "queued": "select count(*) from job_results where status = 'queued'",
        }
        return {name: await raw.fetchval(query) for name, query in queries.items()}


async def test_a_round_forgets_what_is_old_of_every_tenant_and_nothing_else(billing: Service) -> None:
    await fill(billing)
    assert await kept(billing) == {"inbox": 2, "answers": 4, "results": 8, "dead": 4, "queued": 2}
    await RetentionSweeper(billing.database, directory).round()
    assert await kept(billing) == {"inbox": 1, "answers": 2, "results": 4, "dead": 4, "queued": 2}


async def test_more_than_a_chunk_goes_in_one_round(billing: Service) -> None:
    await fill(billing, taken_in=7_000)
    await RetentionSweeper(billing.database, directory).round()
    assert (await kept(billing))["inbox"] == 7_000


async def test_it_continues_after_a_failed_round_and_ends_on_request(billing: Service) -> None:
    asked = 0

    async def failing_first(rows: AsyncConnection) -> list[TenantId]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise ConnectionResetError
        return TENANTS

    await fill(billing)
    retention_sweeper = RetentionSweeper(billing.database, failing_first, every=timedelta(milliseconds=50))
    await retention_sweeper.start()

    async def is_done() -> bool:
        return (await kept(billing))["results"] == 4

    await eventually(is_done)
    await retention_sweeper.ready.wait()
    await retention_sweeper.drain(1)
    await retention_sweeper.stop()
    assert not retention_sweeper.ready.is_set()
