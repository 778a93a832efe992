"""Operator commands on jobs, with the operator's database role."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.fixtures.jobs import Service
from tests.integration.jobs.conftest import ServiceOf
from tests.integration.jobs.sample_jobs import AUDIT, charge, fails, there_are
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.status import Status
from waypost.jobs.worker import JobWorkerSettings
from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import Conflict, Invalid, NotFound, Permanent, WaypostError
from waypost.kernel.ids import JobId, TenantId, new_id
from waypost.operations.jobs.changes import cancel_job, retry_job, retry_jobs
from waypost.operations.jobs.lookup import find_job
from waypost.operations.jobs.manual_run import run_job
from waypost.operations.jobs.search import JobSearch, find_jobs
from waypost.postgres.audit import operator_actions
from waypost.postgres.sql import driver
from waypost.testing.eventually import eventually

AT_ONCE = Backoff(first_seconds=0.01, factor=1)
HEARTBEAT_EACH_SECOND = JobWorkerSettings(lease_seconds=3, poll_seconds=0.1)


class ProviderError(WaypostError):
    """The provider failed."""


async def told_of(billing: Service, job_id: JobId) -> list[tuple[str, str, str]]:
    actions = await operator_actions(billing.ops, subject=str(job_id))
    return [(action.operator, action.reason, action.verb) for action in actions]


async def test_job_is_retried_ends_as_dead_and_can_be_redriven(service: ServiceOf) -> None:
    tries: list[int] = []
    keys: set[str] = set()
    mended = False

    async def flaky(job: JobContext) -> str:
        tries.append(job.attempt)
        keys.add(job.idempotency_key)
        if not mended:
            raise ProviderError("the provider does not answer")
        return "done"

    billing = await service([Job(flaky, max_attempts=3, retry=AT_ONCE)])
    await billing.add_tenants(billing.tenant)
    async with billing.working():
        job = await billing.enqueue("flaky", idempotency_key="inv-7")
        status = await billing.becomes("dead", job)
        assert (status.attempts, status.error) == (3, "the provider does not answer")
        (dead,) = await find_jobs(billing.ops, JobSearch(name="flaky", tenant_id=billing.tenant))
        assert (dead.id, dead.status, dead.attempts) == (job, Status.DEAD, 3)
        assert dead.error == "ProviderError: the provider does not answer"
        mended = True
        await retry_job(billing.admin_service, job, AUDIT)
        assert (await billing.becomes("complete", job)).error is None
    assert tries == [1, 2, 3, 1]
    assert keys == {"inv-7"}
    assert await told_of(billing, job) == [("grace", "the provider is back", "jobs.retry")]
    with pytest.raises(Conflict, match="is complete: only a dead job can be retried"):
        await retry_job(billing.admin_service, job, AUDIT)
    assert len(await told_of(billing, job)) == 1


async def test_redrive_with_a_limit_selects_least_redriven_jobs_first(service: ServiceOf) -> None:
    billing = await service([Job(fails)])
    async with billing.working():
        jobs = [await billing.enqueue("fails") for _ in range(5)]
        sent, left = [], []
        for _ in range(3):
            await eventually(lambda: there_are(billing, Status.DEAD, 5))
            retried = await retry_jobs(billing.admin_service, JobSearch(name="fails", limit=2), AUDIT)
            sent += [job.id for job in retried.jobs]
            left.append(retried.left)
    assert (set(sent[:5]), left) == (set(jobs), [3, 3, 3])


async def test_jobs_are_redriven_by_a_filter(service: ServiceOf) -> None:
    async def others(job: JobContext) -> None:
        raise Permanent

    billing = await service([Job(fails), Job(others)])
    stranger = TenantId(new_id())
    async with billing.working():
        ours, another = await billing.enqueue("fails"), await billing.enqueue("others")
        theirs = await billing.enqueue("fails", tenant=stranger)
        await eventually(lambda: there_are(billing, Status.DEAD, 3))
    sent = await retry_jobs(billing.admin_service, JobSearch(name="fails", tenant_id=billing.tenant), AUDIT)
    assert [this_job.id for this_job in sent.jobs] == [ours]
    assert await there_are(billing, Status.DEAD, 2)
    sent = await retry_jobs(billing.admin_service, JobSearch(limit=5), AUDIT)
    assert {each_job.id for each_job in sent.jobs} == {another, theirs}
    assert {
        each_job.operator_retries for each_job in await find_jobs(billing.ops, JobSearch(statuses=[Status.QUEUED]))
    } == {1}


async def test_job_of_an_erased_tenant_ends_as_dead_and_sees_no_rows_of_others(service: ServiceOf) -> None:
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
        await eventually(lambda: there_are(billing, Status.DEAD, 1))
    status = await billing.status(orphan, tenant=gone)
    assert status is not None and (status.status, status.attempts) == ("dead", 1)
    assert seen == [1, 1], "each attempt sees only its own row"


async def test_a_cancelled_job_is_stopped_and_its_outcome_dropped(service: ServiceOf) -> None:
    stopped = asyncio.Event()

    async def endless(job: JobContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    billing = await service([Job(endless)])
    await billing.add_tenants(billing.tenant)
    async with billing.working(settings=HEARTBEAT_EACH_SECOND):
        job = await billing.enqueue("endless")
        await billing.becomes("running", job)
        await cancel_job(billing.admin_service, job, AUDIT)
        await stopped.wait()
    assert (await billing.becomes("cancelled", job)).finished_at is not None
    assert await told_of(billing, job) == [("grace", "the provider is back", "jobs.cancel")]
    with pytest.raises(Conflict, match="is cancelled: there is nothing left to cancel"):
        await cancel_job(billing.admin_service, job, AUDIT)


async def test_a_cancelled_job_never_starts_and_a_dead_one_is_gone(service: ServiceOf) -> None:
    ran: list[str] = []

    async def note(job: JobContext, word: str) -> None:
        ran.append(word)

    billing = await service([Job(note), Job(fails)])
    waiting = await billing.enqueue("note", word="cancelled")
    await cancel_job(billing.admin_service, waiting, AUDIT)
    async with billing.working():
        dead = await billing.enqueue("fails")
        await billing.becomes("dead", dead)
        await cancel_job(billing.admin_service, dead, AUDIT)
        await billing.becomes("complete", await billing.enqueue("note", word="ran"))
    assert ran == ["ran"]
    await billing.becomes("cancelled", waiting)
    await billing.becomes("cancelled", dead)
    assert await find_jobs(billing.ops, JobSearch()) == []


async def test_a_job_is_run_by_hand(service: ServiceOf) -> None:
    billing, invoice = await service([Job(charge)]), new_id()
    await billing.add_tenants(billing.tenant)
    async with billing.working():
        arguments = {"invoice_id": str(invoice), "attempt": "3"}
        job = await run_job(billing.admin_service, "charge", billing.tenant, arguments, AUDIT)
        assert (job.status, job.arguments) == (Status.QUEUED, {"invoice_id": str(invoice), "attempt": 3})
        assert (await billing.becomes("complete", job.id)).result == f"charged {invoice}, 3"
    (action,) = await operator_actions(billing.ops, subject=str(job.id))
    assert (action.verb, action.tenant_id, action.facts["name"]) == ("jobs.run", billing.tenant, "charge")


async def test_change_is_reported_for_a_job_whose_row_is_gone(service: ServiceOf) -> None:
    billing = await service([Job(fails), Job(charge, keeps_result=False)])
    await billing.add_tenants(billing.tenant)
    async with billing.working():
        run = await run_job(billing.admin_service, "charge", billing.tenant, {"invoice_id": str(new_id())}, AUDIT)
        await eventually(lambda: is_forgotten(billing, run.id))
        dead = await billing.enqueue("fails")
        await billing.becomes("dead", dead)
    assert run.status is Status.QUEUED
    await billing.fetch("delete from job_results")
    retried = await retry_job(billing.admin_service, dead, AUDIT)
    assert (retried.status, retried.operator_retries, retried.error) == (Status.QUEUED, 1, None)
    gone = await cancel_job(billing.admin_service, dead, AUDIT)
    assert (gone.id, gone.status, await is_forgotten(billing, dead)) == (dead, Status.CANCELLED, True)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("charge_all", {}, "job 'charge_all' is not declared: add it to the service's JOBS; declared jobs: charge"),
        ("charge", {}, "job charge needs invoice_id"),
        ("charge", {"invoice_id": "7"}, "invoice_id takes UUID, not '7'"),
        ("charge", {"invoice_id": str(new_id()), "attempt": "many"}, "attempt takes int, not 'many'"),
        ("charge", {"invoice_id": str(new_id()), "force": "true"}, "takes no force; it takes invoice_id, attempt"),
        ("charge", {"invoice_id": "theirs"}, "belongs to another tenant"),
    ],
)
async def test_invalid_run_is_refused_and_leaves_no_row(
    service: ServiceOf, name: str, arguments: dict[str, Any], message: str
) -> None:
    billing, stranger = await service([Job(charge)]), TenantId(new_id())
    await billing.add_tenants(billing.tenant, stranger)
    theirs = await _event_of(billing, stranger)
    told = {each: str(theirs) if value == "theirs" else value for each, value in arguments.items()}
    with pytest.raises(Invalid, match=message):
        await run_job(billing.admin_service, name, billing.tenant, told, AUDIT)
    with pytest.raises(NotFound, match="has no tenant"):
        await run_job(billing.admin_service, "charge", new_id(), {"invoice_id": str(new_id())}, AUDIT)
    assert await billing.fetch("select from jobs") == []
    assert await operator_actions(billing.ops) == []
    await run_job(billing.admin_service, "charge", stranger, {"invoice_id": str(theirs)}, AUDIT)


async def is_forgotten(billing: Service, job_id: JobId) -> bool:
    return await find_job(billing.ops, job_id) is None


async def _event_of(billing: Service, tenant: TenantId) -> UUID:
    """An aggregate of that tenant."""
    invoice = new_id()
    insert = """
        insert into events (tenant_id, aggregate_type, aggregate_id, version, event_id, type, schema_id, payload, metadata, occurred_at)
        values ($1, 'invoice', $2, 1, $3, 'invoice.created', 1, '', '{}', now())"""
    async with billing.database.transaction([tenant]) as connection:
        await driver(connection).execute(insert, tenant, invoice, new_id())
    return invoice
