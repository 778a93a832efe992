"""Enqueueing, beyond the contract of every queue."""

import asyncio
import re
from datetime import datetime, timedelta

import asyncpg
import pytest
from sqlalchemy.exc import ResourceClosedError

from tests.fixtures.jobs import Service
from tests.integration.jobs.conftest import ServiceOf
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.queue import ENQUEUE
from waypost.jobs.results import job_status
from waypost.jobs.worker.session import PLANS
from waypost.jobs.worker.statements import CLAIM
from waypost.kernel.cause import Cause, bound_cause
from waypost.kernel.errors import Invalid, Permanent
from waypost.kernel.ids import JobId, TenantId, new_id
from waypost.kernel.tenant import NoTenantBound, bound_tenants
from waypost.postgres.retention import prune_results
from waypost.postgres.sql import driver, last_writes
from waypost.testing.eventually import eventually


async def work(job: JobContext) -> None: ...


async def test_a_key_holds_after_the_job_is_done_until_its_result_is_pruned(service: ServiceOf) -> None:
    billing = await service([Job(work)])
    async with billing.working():
        first = await billing.enqueue("work", idempotency_key="inv-1")
        await billing.becomes("complete", first)
        assert await billing.enqueue("work", idempotency_key="inv-1") == first
        await billing.becomes("complete", first)
        assert await prune_results(billing.database, timedelta(hours=1)) == 0
        assert await prune_results(billing.database, timedelta()) == 1
        assert await billing.status(first) is None
        second = await billing.enqueue("work", idempotency_key="inv-1")
        assert second != first
        await billing.becomes("complete", second)


async def test_concurrent_duplicate_waits_for_the_first_commit_and_gets_its_id(service: ServiceOf) -> None:
    billing = await service([Job(work)])
    with bound_tenants([billing.tenant]):
        async with billing.units.begin() as unit:
            first = await unit.jobs.enqueue("work", idempotency_key="inv-1")
            twin = asyncio.create_task(billing.enqueue("work", idempotency_key="inv-1"))
            waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and usename = current_user"
            await eventually(lambda: billing.fetch(waiting))
    assert await twin == first
    assert len(await billing.fetch("select from jobs")) == 1


@pytest.mark.parametrize("key", [None, "inv-1"])
async def test_a_rollback_to_a_savepoint_drops_the_jobs_of_its_block_alone(service: ServiceOf, key: str | None) -> None:
    billing = await service([Job(work)])
    with bound_tenants([billing.tenant]):
        async with billing.units.begin() as unit:
            before = await unit.jobs.enqueue("work")
            savepoint = await unit.rows.begin_nested()
            await unit.jobs.enqueue("work", idempotency_key=key)
            await savepoint.rollback()
            async with unit.rows.begin_nested():
                within = await unit.jobs.enqueue("work")
            after = await unit.jobs.enqueue("work")
    assert {row["id"] for row in await billing.fetch("select id from jobs")} == {before, within, after}


@pytest.mark.parametrize("key", [None, "inv-1"])
async def test_an_enqueue_after_the_transaction_is_refused(service: ServiceOf, key: str | None) -> None:
    billing = await service([Job(work)])
    with bound_tenants([billing.tenant]):
        async with billing.units.begin() as unit:
            pass
        with pytest.raises(ResourceClosedError):
            await unit.jobs.enqueue("work", idempotency_key=key)


async def test_an_enqueue_during_the_commit_is_refused(service: ServiceOf) -> None:
    billing = await service([Job(work)])
    with bound_tenants([billing.tenant]):
        async with billing.units.begin() as unit:
            writes = last_writes(unit.rows)
            writes.add("select pg_sleep(0.2)")

            async def enqueue_late() -> None:
                await eventually(lambda: writes.is_sent)
                await unit.jobs.enqueue("work")

            late = asyncio.create_task(enqueue_late())
        with pytest.raises((RuntimeError, ResourceClosedError)):
            await late
    assert await billing.fetch("select id from jobs") == []


async def test_duplicate_of_a_rolled_back_enqueue_is_the_first(service: ServiceOf) -> None:
    billing = await service([Job(work)])
    with bound_tenants([billing.tenant]), pytest.raises(ZeroDivisionError):
        async with billing.units.begin() as unit:
            first = await unit.jobs.enqueue("work", idempotency_key="inv-1")
            _ = 1 / 0
    assert await billing.enqueue("work", idempotency_key="inv-1") != first
    assert len(await billing.fetch("select from jobs")) == 1


async def test_job_runs_for_its_tenant_and_records_its_cause(service: ServiceOf) -> None:
    seen: list[Cause] = []

    async def first(job: JobContext) -> None:
        async with job.begin() as unit:
            assert unit.tenants == {job.tenant_id}
            await unit.jobs.enqueue("second")

    async def second(job: JobContext) -> None:
        async with job.begin() as unit:
            seen.append(unit.cause)

    billing = await service([Job(first), Job(second)])
    request, user = new_id(), new_id()
    async with billing.working():
        with bound_cause(Cause(correlation_id=request, causation_id=request, actor_id=user)):
            job = await billing.enqueue("first")
        await billing.becomes("complete", job)
        (row,) = await billing.fetch("select job_id from job_results where name = 'second'")
        await billing.becomes("complete", row["job_id"])
    assert seen == [Cause(correlation_id=request, causation_id=row["job_id"], actor_id=user)]


async def test_another_tenant_sees_nothing_and_may_use_the_same_key(service: ServiceOf) -> None:
    billing = await service([Job(work)])
    other = TenantId(new_id())
    mine = await billing.enqueue("work", idempotency_key="once")
    theirs = await billing.enqueue("work", tenant=other, idempotency_key="once")
    assert mine != theirs
    assert await billing.status(mine, tenant=other) is None
    async with billing.database.transaction() as unbound:
        assert await job_status(unbound, mine) is None


async def test_the_database_refuses_a_job_for_a_tenant_that_is_not_bound(service: ServiceOf) -> None:
    """Independent of errors in the code above: the job and its result are one statement, and the
    result is its tenant's row.
    """
    billing = await service([Job(work)])
    now, ours = billing.clock.now(), [new_id()]
    for bound in ([], [billing.tenant]):
        with pytest.raises(NoTenantBound, match="a row for table job_results has a tenant"):
            async with billing.database.transaction(bound) as rows:
                raw = driver(rows)
                job = ("work", "{}", None, 0, now, now, new_id(), new_id(), None, None, None)
                await raw.execute(ENQUEUE, [TenantId(new_id())], ours, None, *job)
    assert await billing.fetch("select from jobs") == []


async def test_a_time_without_a_zone_is_refused(service: ServiceOf) -> None:
    billing = await service([Job(work)])
    with pytest.raises(Invalid, match="run_at has no time zone"):
        await billing.enqueue("work", run_at=datetime(2026, 3, 1))  # noqa: DTZ001 - the subject of the test


async def test_application_role_cannot_change_a_jobs_identity(service: ServiceOf) -> None:
    billing = await service([Job(work)])
    for column in ("tenant_id = gen_random_uuid()", "arguments = '{}'", "name = 'other'", "correlation_id = id"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await billing.fetch(f"update jobs set {column}")


async def test_the_claim_reads_the_indexes_from_their_heads(service: ServiceOf) -> None:
    billing = await service([Job(work)])
    async with billing.database.transaction([billing.tenant]) as connection:
        raw = driver(connection)
        for setting, value in PLANS.items():
            await raw.execute(f"set local {setting} = '{value}'")
        await raw.execute(
            f"prepare claim (text[], int[], text[], int[], uuid[], int, int, text, float, bytea) as {CLAIM}"
        )
        plan = await raw.fetch(
            "explain (costs off) execute claim ('{work}', '{10}', '{}', '{}', '{}', 10, 1, 'me', 30, '')"
        )
    text = "\n".join(row[0] for row in plan)
    assert len(re.findall(r"Index (Only )?Scan using jobs_by_turn", text)) == 4, text
    assert text.count("Index Scan using jobs_crashed") == 1, text
    assert "Sort Key: jobs" not in text, text


async def test_a_job_that_keeps_no_result_leaves_nothing_once_it_is_complete(service: ServiceOf) -> None:
    async def sweep(job: JobContext, fails: bool) -> str:
        if fails:
            raise Permanent("the broom is broken")
        return "swept"

    billing = await service([Job(sweep, keeps_result=False)])
    first = await billing.enqueue("sweep", idempotency_key="02:00", fails=False)
    async with billing.working():
        await eventually(lambda: is_gone(billing, first))
        second = await billing.enqueue("sweep", idempotency_key="02:00", fails=True)
        assert (await billing.becomes("dead", second)).error == "the broom is broken"
    assert second != first, "its key was free again"


async def is_gone(service: Service, job_id: JobId) -> bool:
    pending = await service.fetch("select from jobs where id = $1", job_id)
    return not pending and await service.status(job_id) is None
