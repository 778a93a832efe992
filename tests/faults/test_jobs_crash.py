"""A job process is killed around an external effect (fault matrix 16): the job runs again with the
same key, and there is one effect.
"""

import pytest

from tests.faults.jobs_rig import JobsRig
from waypost.jobs.status import Status
from waypost.kernel.ids import new_id
from waypost.operations.jobs.search import JobSearch, find_jobs
from waypost.testing.eventually import eventually

PROCESS_SECONDS = 45
"""For a process to start and do its work on a machine that has other work."""


async def assert_charged_once(jobs: JobsRig, *, calls: int) -> None:
    assert len(await jobs.service.fetch("select from charges")) == 1
    asked = await jobs.service.fetch("select key from calls")
    assert len(asked) == calls
    assert len({row["key"] for row in asked}) == 1
    assert await jobs.service.fetch("select from jobs") == []


@pytest.mark.parametrize(("point", "calls"), [("before", 1), ("during", 1), ("after", 2)])
async def test_killed_in_a_job(jobs: JobsRig, point: str, calls: int) -> None:
    job = await jobs.service.enqueue("charge", invoice_id=new_id(), stop_at=point)
    first = await jobs.start()
    await jobs.until_marked(point)
    await first.kill()
    second = await jobs.start_successor()
    status = await jobs.service.becomes("complete", job)
    assert (status.result, status.attempts) == (second.pid, 2)
    await assert_charged_once(jobs, calls=calls)


@pytest.mark.parametrize(
    ("failpoint", "attempts", "calls"),
    [("jobs.after_claim", 2, 1), ("jobs.before_outcome", 2, 2), ("jobs.after_outcome", 1, 1)],
)
async def test_killed_around_a_job(jobs: JobsRig, failpoint: str, attempts: int, calls: int) -> None:
    job = await jobs.service.enqueue("charge", invoice_id=new_id(), stop_at="never")
    first = await jobs.start(failpoints=f"{failpoint}=kill")
    assert await first.wait() == -9
    await jobs.start_successor()
    assert (await jobs.service.becomes("complete", job)).attempts == attempts
    await assert_charged_once(jobs, calls=calls)


@pytest.mark.timeout(5 * PROCESS_SECONDS)
async def test_job_that_kills_its_worker_ends_as_dead_without_affecting_others(jobs: JobsRig) -> None:
    ending = await jobs.service.enqueue("process_ending", priority=1)
    neighbours = [await jobs.service.enqueue("neighbour") for _ in range(4)]

    async def is_dead() -> bool:
        """Restarts an ended process, as a supervisor would."""
        if not jobs.processes or not jobs.processes[-1].running:
            await jobs.start()
        status = await jobs.service.status(ending)
        return status is not None and status.status == "dead"

    await eventually(is_dead, deadline_seconds=4 * PROCESS_SECONDS)
    assert [process.exit_code for process in jobs.processes] == [-9, -9, -9, None]
    (dead,) = await find_jobs(jobs.service.database, JobSearch(statuses=[Status.DEAD]))
    assert (dead.id, dead.attempts) == (ending, 3)
    assert "crashed during attempt" in (dead.error or "")
    for neighbour in neighbours:
        assert (await jobs.service.becomes("complete", neighbour)).attempts == 2
