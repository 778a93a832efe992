"""Retention deletes expired rows of every tenant and keeps the other rows."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.fixtures.jobs import Service, migrate
from waypost.hosting.retention_sweeper import Retention, RetentionSweeper
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.kernel.errors import Transient
from waypost.kernel.ids import TenantId, new_id
from waypost.ports.dead_letters import DeadLetterStatus
from waypost.postgres.database import Database
from waypost.postgres.dead_letters.search import Search, find_dead_letters
from waypost.postgres.retention import prune_results
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

_DEAD_LETTERS = """
insert into dead_letters (consumer, id, event_id, topic, partition, kafka_offset, key, type, sequence, headers, payload, status,
                          error_class, error, fingerprint, retryable, awaits_topic, traceback, updated_at)
select 'billing.customers', gen_random_uuid(), gen_random_uuid(), 'users.user', 0, 1, key, 'user.created', 1,
       '{"key": "k", "timestamp_ms": 1, "headers": [["name", "Ada"]]}', 'Ada', status,
       'ValueError', 'Ada is too short', 'f', true, false, 'name = "Ada"', now() - age
from unnest($1::interval[]) as age, unnest(array['free', 'parked']::bytea[]) as key,
     unnest(array['retrying', 'dead', 'waiting', 'redriven', 'superseded', 'discarded']) as status"""
_DEAD_JOBS = """
insert into jobs (id, tenant_id, name, arguments, priority, enqueued_at, run_at, status, correlation_id, causation_id, started_at)
select gen_random_uuid(), $1, case nth when 1 then 'old' else 'young' end, '{}', 0, now() - age, now() - age, status,
       gen_random_uuid(), gen_random_uuid(), now() - age
from unnest($2::interval[]) with ordinality as given (age, nth), unnest(array['dead', 'queued']) as status"""
_DEAD_RESULTS = """
insert into job_results (tenant_id, job_id, name, status, enqueued_at, finished_at)
select tenant_id, id, name, 'dead', now() - $1::interval, now() - $1::interval from jobs where status = 'dead'"""
_PARK = "insert into parked_keys (consumer, topic, key) values ('billing.customers', 'users.user', 'parked')"


async def work(job: JobContext) -> None: ...


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
    await RetentionSweeper(billing.database).round()
    assert await kept(billing) == {"inbox": 1, "answers": 2, "results": 4, "dead": 4, "queued": 2}


async def test_settled_dead_letters_are_deleted_unless_their_key_is_parked(billing: Service) -> None:
    async with billing.database.transaction() as rows:
        await driver(rows).execute(_DEAD_LETTERS, around(LONG.dead_letters))
        await driver(rows).execute(_PARK)
    await RetentionSweeper(billing.database).round()
    async with billing.database.transaction() as rows:
        kept = await driver(rows).fetch("select key, status, count(*) from dead_letters group by key, status")
    assert {(row["key"], row["status"]): row["count"] for row in kept} == {
        **{(key, status): 2 for key in (b"free", b"parked") for status in ("retrying", "dead", "waiting", "discarded")},
        **{(b"free", status): 1 for status in ("redriven", "superseded")},
        **{(b"parked", status): 2 for status in ("redriven", "superseded")},
    }


async def test_a_discarded_dead_letter_loses_its_record_and_stays(billing: Service) -> None:
    async with billing.database.transaction() as rows:
        await driver(rows).execute(_DEAD_LETTERS, around(LONG.dead_letters))
        await driver(rows).execute(_PARK)
    await RetentionSweeper(billing.database).round()
    found = await find_dead_letters(billing.database, Search(statuses=list(DeadLetterStatus)), limit=100)
    (removed,) = [stored for stored in found if stored.content_removed_at is not None]
    assert (removed.dead_letter.status, removed.dead_letter.key) == (DeadLetterStatus.DISCARDED, b"free")
    assert "Ada" not in repr(removed)
    assert all(repr(stored).count("Ada") == 4 for stored in found if stored is not removed)


async def test_more_than_a_chunk_goes_in_one_round(billing: Service) -> None:
    await fill(billing, taken_in=7_000)
    await RetentionSweeper(billing.database).round()
    assert (await kept(billing))["inbox"] == 7_000


async def test_it_continues_after_a_failed_round_and_ends_on_request(
    billing: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def failing_first(database: Database, older_than: timedelta) -> int:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise ConnectionResetError
        return await prune_results(database, older_than)

    await fill(billing)
    monkeypatch.setattr("waypost.hosting.retention_sweeper.prune_results", failing_first)
    retention_sweeper = RetentionSweeper(billing.database, every=timedelta(milliseconds=50))
    await retention_sweeper.start()

    async def is_done() -> bool:
        return (await kept(billing))["results"] == 4

    await eventually(is_done)
    await retention_sweeper.ready.wait()
    await retention_sweeper.drain(1)
    await retention_sweeper.stop()
    assert not retention_sweeper.ready.is_set()


async def test_a_table_that_fails_does_not_keep_the_others(billing: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(database: Database, older_than: timedelta) -> int:
        raise Transient("the statement took too long")

    await fill(billing)
    for first in ("prune_inbox", "prune_stored_responses"):
        monkeypatch.setattr(f"waypost.hosting.retention_sweeper.{first}", failing)
    with pytest.raises(Transient, match="took too long"):
        await RetentionSweeper(billing.database).round()
    assert await kept(billing) == {"inbox": 2, "answers": 4, "results": 4, "dead": 4, "queued": 2}


async def test_old_dead_jobs_are_deleted_with_their_results(billing: Service) -> None:
    """The result of a job that an operator can still retry stays, however old."""
    tenant = TENANTS[0]
    async with billing.database.transaction([tenant]) as rows:
        await driver(rows).execute(_DEAD_JOBS, tenant, around(LONG.dead_jobs))
        await driver(rows).execute(_DEAD_RESULTS, LONG.dead_jobs + timedelta(minutes=1))
    await RetentionSweeper(billing.database).round()
    async with billing.database.transaction([tenant]) as rows:
        jobs = await driver(rows).fetch("select name, status from jobs order by name")
        results = await driver(rows).fetch("select name from job_results order by name")
    assert [tuple(job) for job in jobs] == [("old", "queued"), ("young", "dead"), ("young", "queued")]
    assert [result["name"] for result in results] == ["young"]
