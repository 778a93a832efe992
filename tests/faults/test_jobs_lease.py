"""A worker that cannot renew its lease loses the job, and can no longer store its outcome."""

import signal

from tests.faults.jobs_rig import JobsRig
from waypost.testing.eventually import eventually


async def test_outcome_of_a_late_attempt_is_dropped(jobs: JobsRig) -> None:
    job = await jobs.service.enqueue("blocking")
    late = await jobs.start()
    await jobs.until_marked("try 1")
    await jobs.start_successor()
    await jobs.until_marked("try 2")
    late.send(signal.SIGTERM)
    await jobs.mark("release 1")
    assert await late.wait() == 0
    assert (await jobs.service.becomes("running", job)).attempts == 2
    await jobs.mark("release 2")
    assert (await jobs.service.becomes("complete", job)).result == "try 2"


async def test_frozen_worker_is_replaced_and_continues_after_it_resumes(jobs: JobsRig) -> None:
    job = await jobs.service.enqueue("slow", until="let go")
    frozen = await jobs.start()
    await jobs.service.becomes("running", job)
    frozen.pause()
    successor = await jobs.start_successor()

    async def taken_over() -> bool:
        return (await jobs.service.becomes("running", job)).attempts == 2

    await eventually(taken_over)
    frozen.resume()
    await jobs.mark("let go")
    assert (await jobs.service.becomes("complete", job)).attempts == 2
    await successor.kill()
    another = await jobs.service.enqueue("slow", until="let go")
    await jobs.service.becomes("complete", another)
    assert frozen.running


async def test_stopping_process_finishes_short_jobs_and_releases_the_others(jobs: JobsRig) -> None:
    ends = await jobs.service.enqueue("slow", until="let go")
    hangs = await jobs.service.enqueue("slow", until="never")
    process = await jobs.start()
    await jobs.service.becomes("running", ends)
    await jobs.service.becomes("running", hangs)
    process.send(signal.SIGTERM)
    await jobs.mark("let go")
    assert await process.wait() == 0
    assert (await jobs.service.becomes("complete", ends)).attempts == 1
    assert (await jobs.service.becomes("queued", hangs)).attempts == 0
