"""Jobs that end together are written in one transaction, and one of them does not affect the
others.
"""

import asyncio
from collections.abc import Sequence

from tests.fixtures.jobs import Service
from tests.integration.jobs.conftest import ServiceOf
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker import JobWorkerSettings
from waypost.kernel.ids import JobId, TenantId, new_id
from waypost.testing.database import connected
from waypost.testing.eventually import eventually

NO_HEARTBEAT = JobWorkerSettings(lease_seconds=3600, poll_seconds=0.1)
UNLIMITED = "set local idle_in_transaction_session_timeout = 0; set local transaction_timeout = 0"
TRANSACTIONS = "select count(distinct xmin::text) as number from job_results where status = 'complete'"


class Together:
    """Jobs that run until `end` is set; each then returns its text."""

    def __init__(self) -> None:
        self.running: list[str] = []
        self.end = asyncio.Event()

    async def say(self, job: JobContext, text: str) -> str:
        self.running.append(text)
        await self.end.wait()
        return text.replace("NUL", "\0")

    async def begun(self, billing: Service, *texts: str) -> Sequence[JobId]:
        jobs = [await billing.enqueue("say", text=text) for text in texts]
        await eventually(lambda: len(self.running) == len(texts))
        return jobs


async def test_jobs_that_end_together_share_a_transaction(service: ServiceOf) -> None:
    together = Together()
    billing = await service([Job(together.say)])
    async with billing.working(settings=NO_HEARTBEAT):
        jobs = await together.begun(billing, "a", "b", "c")
        together.end.set()
        assert [(await billing.becomes("complete", job)).result for job in jobs] == ["a", "b", "c"]
    (transactions,) = await billing.fetch(TRANSACTIONS)
    assert transactions["number"] == 1


async def test_each_tenants_job_is_completed_for_its_own_tenant(service: ServiceOf) -> None:
    together, other = Together(), TenantId(new_id())
    billing = await service([Job(together.say)])
    async with billing.working(settings=NO_HEARTBEAT):
        mine, theirs = (
            await billing.enqueue("say", text="mine"),
            await billing.enqueue("say", text="theirs", tenant=other),
        )
        await eventually(lambda: len(together.running) == 2)
        together.end.set()
        assert (await billing.becomes("complete", mine)).result == "mine"

        async def theirs_is_complete() -> bool:
            status = await billing.status(theirs, tenant=other)
            return status is not None and status.result == "theirs"

        await eventually(theirs_is_complete)
    assert await billing.status(theirs) is None


async def test_a_result_that_postgresql_rejects_fails_alone(service: ServiceOf) -> None:
    together = Together()
    billing = await service([Job(together.say)])
    async with billing.working(settings=NO_HEARTBEAT):
        first, refused, last = await together.begun(billing, "a", "NUL", "c")
        together.end.set()
        for job in (first, last):
            assert (await billing.becomes("complete", job)).attempts == 1
        assert (await billing.becomes("dead", refused)).error == "the job ran, but its result cannot be stored"


async def test_a_lost_lease_drops_one_outcome_alone(service: ServiceOf) -> None:
    together = Together()
    billing = await service([Job(together.say)])
    async with billing.working(settings=NO_HEARTBEAT):
        first, lost, last = await together.begun(billing, "a", "b", "c")
        await billing.fetch("update jobs set lease = gen_random_uuid() where id = $1", lost)
        together.end.set()
        for job in (first, last):
            await billing.becomes("complete", job)
        assert (await billing.becomes("running", lost)).result is None


async def test_a_locked_job_delays_only_itself(service: ServiceOf) -> None:
    together = Together()
    billing = await service([Job(together.say)])
    async with billing.working(settings=NO_HEARTBEAT):
        first, locked, last = await together.begun(billing, "a", "b", "c")
        async with connected(billing.database.dsn) as operator, operator.transaction():
            await operator.execute(UNLIMITED)
            await operator.execute("select from jobs where id = $1 for update", locked)
            together.end.set()
            for job in (first, last):
                await billing.becomes("complete", job)
            assert (await billing.becomes("running", locked)).result is None
        await billing.becomes("complete", locked)


async def test_an_outcome_that_waits_holds_no_slot_but_their_number_is_limited(service: ServiceOf) -> None:
    ran: list[str] = []

    async def note(job: JobContext, text: str) -> None:
        ran.append(text)

    billing = await service([Job(note)])
    jobs = [await billing.enqueue("note", text=text) for text in "abc"]
    one_slot = JobWorkerSettings(max_jobs=1, lease_seconds=3600, poll_seconds=0.1)
    async with connected(billing.database.dsn) as operator, operator.transaction():
        await operator.execute(UNLIMITED)
        await operator.execute("select set_config('app.tenants', $1, true)", str(billing.tenant))
        await operator.execute("select from job_results for update")
        async with billing.working(settings=one_slot):
            await eventually(lambda: ran == ["a", "b"])
            assert (await billing.becomes("queued", jobs[2])).attempts == 0
    async with billing.working(settings=one_slot):
        await billing.becomes("complete", jobs[2])


async def test_handlers_that_use_the_whole_pool_keep_their_leases(service: ServiceOf) -> None:
    end = asyncio.Event()

    async def hold(job: JobContext) -> None:
        async with job.begin():
            await end.wait()

    billing = await service([Job(hold)], pool_size=1)
    async with billing.working(settings=JobWorkerSettings(lease_seconds=0.6, poll_seconds=0.1)):
        job = await billing.enqueue("hold")
        async with connected(billing.database.dsn) as look:

            async def is_renewed() -> bool:
                query = "select lease_until > started_at + interval '1.5 s' from jobs where id = $1"
                return bool(await look.fetchval(query, job))

            await eventually(is_renewed)
        end.set()
        assert (await billing.becomes("complete", job)).attempts == 1
