"""The worker on a real database: order, slots, resources, draining."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from tests.integration.jobs.conftest import ServiceOf
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job, JobRegistry
from waypost.jobs.worker import JobWorkerSettings
from waypost.kernel.ids import new_id
from waypost.testing.eventually import eventually

ONE_AT_A_TIME = JobWorkerSettings(max_jobs=1, poll_seconds=0.1)
NEVER_POLLS = JobWorkerSettings(poll_seconds=3600)


async def test_a_job_runs_and_its_result_can_be_asked_for(service: ServiceOf) -> None:
    async def double(job: JobContext, number: int, invoice_id: UUID) -> dict[str, object]:
        return {"number": 2 * number, "invoice_id": invoice_id, "try": job.attempt}

    billing = await service([Job(double)])
    invoice = new_id()
    async with billing.working():
        status = await billing.becomes("complete", await billing.enqueue("double", number=21, invoice_id=invoice))
    assert status.result == {"number": 42, "invoice_id": str(invoice), "try": 1}
    assert (status.progress, status.attempts, status.error) == (100, 1, None)
    assert await billing.fetch("select from jobs") == []


async def test_the_more_urgent_runs_first(service: ServiceOf) -> None:
    ran: list[int] = []

    async def note(job: JobContext, number: int) -> None:
        ran.append(number)

    billing = await service([Job(note)])
    jobs = [await billing.enqueue("note", number=number, priority=number) for number in (1, 3, 2)]
    async with billing.working(settings=ONE_AT_A_TIME):
        for job in jobs:
            await billing.becomes("complete", job)
    assert ran == [3, 2, 1]


async def test_a_job_waits_for_its_time(service: ServiceOf) -> None:
    ran: list[str] = []

    async def note(job: JobContext, word: str) -> None:
        ran.append(word)

    billing = await service([Job(note)])
    later = await billing.enqueue("note", word="later", run_at=billing.clock.now() + timedelta(days=3))
    async with billing.working():
        await billing.becomes("complete", await billing.enqueue("note", word="now"))
        assert ran == ["now"]
        await billing.pass_time(timedelta(days=3))
        await billing.becomes("complete", later)
    assert ran == ["now", "later"]


async def test_a_commit_wakes_the_worker_and_the_time_of_a_job_does(service: ServiceOf) -> None:
    async def work(job: JobContext) -> None: ...

    billing = await service([Job(work)])
    async with billing.working(settings=NEVER_POLLS) as worker:
        await worker.ready.wait()
        await billing.becomes("complete", await billing.enqueue("work"))
        soon = billing.clock.now() + timedelta(seconds=0.3)
        await billing.becomes("complete", await billing.enqueue("work", run_at=soon))


async def test_backlog_is_processed_without_a_poll(service: ServiceOf) -> None:
    async def work(job: JobContext) -> None: ...

    billing = await service([Job(work)])
    jobs = [await billing.enqueue("work") for _ in range(60)]
    async with billing.working(settings=JobWorkerSettings(max_jobs=10, poll_seconds=3600)):
        for job in jobs:
            await billing.becomes("complete", job)


async def test_concurrency_is_limited_by_the_slots(service: ServiceOf) -> None:
    running, most, release = 0, 0, asyncio.Event()

    async def hold(job: JobContext) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1

    billing = await service([Job(hold)])
    jobs = [await billing.enqueue("hold") for _ in range(9)]
    async with billing.working(settings=JobWorkerSettings(max_jobs=3, poll_seconds=0.1)):
        await eventually(lambda: running == 3)
        states = await billing.fetch("select status, count(*) as jobs from jobs group by status order by status")
        assert [tuple(row) for row in states] == [("queued", 6), ("running", 3)]
        release.set()
        for job in jobs:
            await billing.becomes("complete", job)
    assert most == 3


async def test_two_claims_fill_many_slots_without_a_poll(service: ServiceOf) -> None:
    running, all_run = set[UUID](), asyncio.Event()

    async def work(job: JobContext) -> None:
        running.add(job.id)
        if len(running) == 24:
            all_run.set()
        await all_run.wait()

    billing = await service([Job(work)])
    jobs = [await billing.enqueue("work") for _ in range(24)]
    async with billing.working(settings=JobWorkerSettings(max_jobs=24, poll_seconds=3600)):
        for job in jobs:
            await billing.becomes("complete", job)


async def test_worker_has_ten_slots_by_default(service: ServiceOf) -> None:
    running, release = 0, asyncio.Event()

    async def hold(job: JobContext) -> None:
        nonlocal running
        running += 1
        await release.wait()

    billing = await service([Job(hold)])
    jobs = [await billing.enqueue("hold") for _ in range(11)]
    async with billing.working(settings=JobWorkerSettings()):
        await eventually(lambda: running == 10)
        (queued,) = await billing.fetch("select id from jobs where status = 'queued'")
        assert queued["id"] in jobs
        release.set()
        await billing.becomes("complete", queued["id"])


async def test_resources_are_opened_once_shared_and_closed_once(service: ServiceOf) -> None:
    story: list[str] = []

    @asynccontextmanager
    async def mailer() -> AsyncIterator[list[str]]:
        story.append("opened")
        yield story
        story.append("closed")

    async def mail(job: JobContext[list[str]], to: str) -> None:
        job.resources.append(to)

    billing = await service([Job(mail)])
    async with billing.working(resources=mailer()) as worker:
        for name in ("first", "second"):
            await billing.becomes("complete", await billing.enqueue("mail", to=name))
        await worker.stop()
        await worker.stop()
    assert story == ["opened", "first", "second", "closed"]


async def test_progress_is_seen_while_it_runs(service: ServiceOf) -> None:
    reported, release = asyncio.Event(), asyncio.Event()

    async def report(job: JobContext) -> None:
        await job.progress(40)
        reported.set()
        await release.wait()

    billing = await service([Job(report)])
    async with billing.working():
        job = await billing.enqueue("report")
        await reported.wait()
        running = await billing.becomes("running", job)
        assert running.progress == 40
        assert running.started_at is not None
        release.set()
        assert (await billing.becomes("complete", job)).progress == 100


async def test_a_release_that_does_not_know_a_job_leaves_it_to_one_that_does(service: ServiceOf) -> None:
    async def known(job: JobContext) -> None: ...

    async def newer(job: JobContext) -> None: ...

    billing = await service([Job(known), Job(newer)])
    other = await billing.enqueue("newer")
    billing.registry = JobRegistry([Job(known)])
    async with billing.working():
        await billing.becomes("complete", await billing.enqueue("known"))
    assert (await billing.becomes("queued", other)).attempts == 0


async def test_draining_lets_attempts_end(service: ServiceOf) -> None:
    release = asyncio.Event()

    async def slow(job: JobContext) -> str:
        await release.wait()
        return "done"

    billing = await service([Job(slow)])
    job = await billing.enqueue("slow")
    async with billing.working() as worker:
        await billing.becomes("running", job)
        drained = asyncio.create_task(worker.drain(10))
        late = await billing.enqueue("slow")
        release.set()
        await drained
    assert (await billing.becomes("complete", job)).result == "done"
    assert (await billing.becomes("queued", late)).attempts == 0


async def test_attempt_that_exceeds_the_drain_is_released_and_not_counted(service: ServiceOf) -> None:
    async def endless(job: JobContext) -> None:
        await asyncio.Event().wait()

    billing = await service([Job(endless)])
    job = await billing.enqueue("endless")
    async with billing.working() as worker:
        await billing.becomes("running", job)
        await worker.drain(0.05)
    assert (await billing.becomes("queued", job)).attempts == 0


async def test_worker_continues_after_lost_connections(service: ServiceOf) -> None:
    async def work(job: JobContext) -> None: ...

    billing = await service([Job(work)])
    async with billing.working() as worker:
        await billing.becomes("complete", await billing.enqueue("work"))
        await billing.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and pid <> pg_backend_pid()"
        )
        await billing.becomes("complete", await billing.enqueue("work"))
        await worker.ready.wait()
