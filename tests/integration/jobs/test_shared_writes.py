"""Jobs that share a write: the lease of each, the order of their locks, errors of one of them."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import asyncpg
import pytest

from tests.fixtures.jobs import Service, migrate
from tests.integration.jobs.conftest import ServiceOf
from tests.integration.jobs.test_completions import NO_HEARTBEAT, UNLIMITED, Together
from waypost.jobs.claim import Claim
from waypost.jobs.declaration import Job
from waypost.jobs.worker import job_counts, leases
from waypost.jobs.worker.completions import Completions
from waypost.jobs.worker.session import WorkerSession
from waypost.kernel.errors import Transient
from waypost.postgres.database import Database
from waypost.testing.database import Databases, connected
from waypost.testing.eventually import eventually

REFUSE_ONE = """
create function refuse() returns trigger language plpgsql as $$
begin
    if new.result = '"refused"'::jsonb then
        raise exception 'refused' using errcode = '{state}';
    end if;
    return new;
end $$;
create trigger refuse before update on job_results for each row execute function refuse()"""

HASH_JOIN = {"enable_nestloop": "off", "enable_mergejoin": "off"}
WAITING = "select count(*) from pg_stat_activity where application_name = 'writer' and wait_event_type = 'Lock'"


async def claimed(billing: Service, *texts: str) -> Sequence[Claim]:
    """Claims of these jobs, in the order of their ids."""
    for text in texts:
        await billing.enqueue("say", text=text)
    session = WorkerSession(billing.database.dsn)
    claiming = leases.Leases(session, worker="test", seconds=3600)
    claims = await claiming.claim(len(texts), {"say": len(texts)}, max_crashed=0)
    await session.close()
    assert len(claims) == len(texts)
    return sorted(claims, key=lambda claim: claim.id)


async def test_a_lost_lease_of_a_job_whose_next_attempt_shares_the_write(service: ServiceOf) -> None:
    billing = await service([Job(Together().say)])
    (claim,) = await claimed(billing, "a")
    completions = Completions(billing.database)
    writes = [asyncio.create_task(completions.add(each, '"a"')) for each in (claim._replace(lease=uuid4()), claim)]
    await completions.wakeup.wait()
    await completions.write_waiting()
    assert await asyncio.gather(*writes) == [False, True]


async def test_rows_are_locked_by_id_with_any_plan(service: ServiceOf) -> None:
    billing = await service([Job(Together().say)])
    first, last = await claimed(billing, "a", "b")
    # The table's order is the opposite: the new version of the first row is behind the last one.
    await billing.fetch("update jobs set attempts = attempts where id = $1", first.id)
    writer = Database(billing.database.dsn, application_name="writer", pool_size=1, server_settings=HASH_JOIN)
    completions = Completions(writer)
    async with connected(billing.database.dsn) as operator, connected(billing.database.dsn) as look:
        async with operator.transaction():
            await operator.execute(UNLIMITED)
            await operator.execute("select from jobs where id = $1 for update", first.id)
            writes = [asyncio.create_task(completions.add(each, '"a"')) for each in (last, first)]
            await completions.wakeup.wait()
            writing = asyncio.create_task(completions.write_waiting())
            await eventually(lambda: look.fetchval(WAITING))
            await operator.execute("select from jobs where id = $1 for update nowait", last.id)
        await writing
    assert await asyncio.gather(*writes) == [True, True]
    await writer.close()


STATES = [
    pytest.param(asyncpg.QueryCanceledError.sqlstate, id="statement time-out"),
    pytest.param(asyncpg.OutOfMemoryError.sqlstate, id="resources"),
    pytest.param(asyncpg.RaiseError.sqlstate, id="any other"),
]


@pytest.mark.parametrize("state", STATES)
async def test_an_error_that_repeats_is_of_one_job_alone(database: Databases, state: str) -> None:
    own = await database("billing", migrate)
    async with connected(own.owner) as owner:
        await owner.execute(REFUSE_ONE.format(state=state))
    billing = Service(own.app, [Job(Together().say)], ops_dsn=own.ops)
    claims = await claimed(billing, "a", "b", "c", "d")
    completions = Completions(billing.database)
    results = ('"a"', '"b"', '"refused"', '"d"')
    writes = [asyncio.create_task(completions.add(*each)) for each in zip(claims, results, strict=True)]
    await completions.wakeup.wait()
    await completions.write_waiting()
    a, b, refused, d = await asyncio.gather(*writes, return_exceptions=True)
    assert (a, b, d) == (True, True, True)
    assert isinstance(refused, Transient | asyncpg.RaiseError)
    await billing.close()


SLOW_COUNT = "select 'say' as name, 'queued' as status, length(pg_sleep(9)::text) as jobs"
COUNTING = (
    "select count(*) from pg_stat_activity where datname = current_database() and state = 'active' and query = $1"
)


async def test_a_slow_count_delays_no_claim(service: ServiceOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count reads every job of a backlog."""
    monkeypatch.setattr(job_counts, "PENDING", SLOW_COUNT)
    together = Together()
    together.end.set()
    billing = await service([Job(together.say)])
    async with connected(billing.database.dsn) as look, billing.working(settings=NO_HEARTBEAT) as worker:
        await eventually(lambda: look.fetchval(COUNTING, SLOW_COUNT))
        await billing.becomes("complete", await billing.enqueue("say", text="a"))
        assert await look.fetchval(COUNTING, SLOW_COUNT) == 1
        assert worker.ready.is_set()
