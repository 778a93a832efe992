"""Failing jobs: status, retries, errors."""

import asyncio
from datetime import timedelta

import pytest

from tests.integration.jobs.conftest import ServiceOf
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker import JobWorkerSettings
from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import (
    ConcurrencyConflict,
    Conflict,
    Invalid,
    Permanent,
    Unavailable,
)
from waypost.kernel.ids import new_id
from waypost.operations.jobs.search import JobSearch, find_jobs


class RustPanic(BaseException):
    """As `pyo3_runtime.PanicException`."""


AT_ONCE = Backoff(first_seconds=0.01, factor=1)


async def test_job_is_failed_between_two_attempts(service: ServiceOf) -> None:
    async def fails(job: JobContext) -> None:
        raise RuntimeError

    billing = await service([Job(fails, retry=Backoff(first_seconds=3600, max_seconds=3600))])
    async with billing.working():
        job = await billing.enqueue("fails")
        status = await billing.becomes("failed", job)
    assert (status.attempts, status.error, status.finished_at) == (1, None, None)
    (row,) = await billing.fetch("select run_at, error from jobs where id = $1", job)
    assert row["run_at"] > billing.clock.now() + timedelta(minutes=40)
    assert row["error"].startswith("RuntimeError")


async def test_job_has_five_attempts_by_default(service: ServiceOf) -> None:
    tries: list[int] = []

    async def fails(job: JobContext) -> None:
        tries.append(job.attempt)
        raise RuntimeError

    billing = await service([Job(fails, retry=AT_ONCE)])
    async with billing.working():
        assert (await billing.becomes("dead", await billing.enqueue("fails"))).attempts == 5
    assert tries == [1, 2, 3, 4, 5]


async def test_refusal_is_not_retried_but_a_lost_race_is(service: ServiceOf) -> None:
    errors: dict[str, BaseException] = {
        "permanent": Permanent("the card was stolen"),
        "invalid": Invalid("no such currency"),
        "conflict": Conflict("the invoice is void"),
        "race": ConcurrencyConflict("invoice", new_id(), 3),
        "bug": RuntimeError("password=secret"),
        "panic": RustPanic("index out of bounds"),
    }

    async def fails(job: JobContext, how: str) -> None:
        raise errors[how]

    billing = await service([Job(fails, max_attempts=2, retry=AT_ONCE)])
    async with billing.working():
        jobs = {how: await billing.enqueue("fails", how=how) for how in errors}
        ended = {how: await billing.becomes("dead", job) for how, job in jobs.items()}
    attempts = {how: status.attempts for how, status in ended.items()}
    assert attempts == {"permanent": 1, "invalid": 1, "conflict": 1, "race": 2, "bug": 2, "panic": 2}
    assert ended["permanent"].error == "the card was stolen"
    assert ended["bug"].error == "The job failed for a reason on our side."


async def test_retry_after_is_respected(service: ServiceOf) -> None:
    async def busy(job: JobContext) -> None:
        raise Unavailable("the provider is busy", retry_after=timedelta(hours=2))

    billing = await service([Job(busy, retry=AT_ONCE)])
    async with billing.working():
        job = await billing.enqueue("busy")
        await billing.becomes("failed", job)
    (row,) = await billing.fetch("select run_at from jobs where id = $1", job)
    assert row["run_at"] > billing.clock.now() + timedelta(minutes=110)


async def test_an_attempt_has_its_time(service: ServiceOf) -> None:
    async def endless(job: JobContext) -> None:
        await asyncio.Event().wait()

    billing = await service([Job(endless, timeout_seconds=0.05, max_attempts=2, retry=AT_ONCE)])
    async with billing.working():
        status = await billing.becomes("dead", await billing.enqueue("endless"))
    assert (status.attempts, status.error) == (2, "the attempt took longer than 0.05 s")


async def test_time_out_inside_the_handler_is_an_ordinary_error(service: ServiceOf) -> None:
    async def asks(job: JobContext) -> None:
        raise TimeoutError("the provider")

    billing = await service([Job(asks, only_once="the test looks at its first error")])
    async with billing.working():
        await billing.becomes("dead", await billing.enqueue("asks"))
    (dead,) = await find_jobs(billing.database, JobSearch())
    assert dead.error == "TimeoutError: the provider"


async def test_result_that_is_not_json_is_an_error(service: ServiceOf) -> None:
    async def odd(job: JobContext) -> object:
        return object()

    billing = await service([Job(odd)])
    async with billing.working():
        status = await billing.becomes("dead", await billing.enqueue("odd"))
    assert status.attempts == 1
    assert "not JSON" in (status.error or "")


@pytest.mark.parametrize("text", ["a\0b", "half a pair \ud83d"])
async def test_result_that_postgresql_rejects_ends_the_job_at_its_first_attempt(service: ServiceOf, text: str) -> None:
    async def odd(job: JobContext) -> str:
        return text

    billing = await service([Job(odd, retry=AT_ONCE)])
    async with billing.working():
        status = await billing.becomes("dead", await billing.enqueue("odd"))
    assert (status.attempts, status.error) == (1, "the job ran, but its result cannot be stored")


async def test_an_error_in_any_words_is_written_down(service: ServiceOf) -> None:
    async def fails(job: JobContext) -> None:
        raise Permanent("a\0b \ud83d " + "x" * 10_000)

    billing = await service([Job(fails)])
    async with billing.working():
        status = await billing.becomes("dead", await billing.enqueue("fails"))
    assert status.attempts == 1
    assert (status.error or "").startswith("a\N{REPLACEMENT CHARACTER}b ? xxx")


async def test_cancelled_task_of_a_job_is_a_retryable_error(service: ServiceOf) -> None:
    async def waits(job: JobContext) -> None:
        gone = asyncio.create_task(asyncio.Event().wait())
        gone.cancel()
        await gone

    billing = await service([Job(waits, max_attempts=2, retry=AT_ONCE)])
    # Leases are long: only an attempt with a stored outcome can be followed by another.
    async with billing.working(settings=JobWorkerSettings(lease_seconds=3600, poll_seconds=0.1)):
        status = await billing.becomes("dead", await billing.enqueue("waits"))
    assert (status.attempts, status.error) == (2, "an operation that the job awaited was cancelled")


async def test_an_attempt_without_its_lease_cannot_say_how_the_job_ended(service: ServiceOf) -> None:
    begun, let_go = {1: asyncio.Event(), 2: asyncio.Event()}, {1: asyncio.Event(), 2: asyncio.Event()}
    late: list[asyncio.Task[object] | None] = []

    async def hold(job: JobContext) -> str:
        late.append(asyncio.current_task())
        begun[job.attempt].set()
        await let_go[job.attempt].wait()
        return f"try {job.attempt}"

    billing = await service([Job(hold)])
    async with billing.working(settings=JobWorkerSettings(lease_seconds=3600)):  # its next heartbeat is later
        job = await billing.enqueue("hold")
        await begun[1].wait()
        await billing.fetch("update jobs set lease_until = now() - interval '1 s'")
        async with billing.working():
            await begun[2].wait()
            let_go[1].set()
            assert late[0] is not None
            await late[0]
            assert (await billing.becomes("running", job)).attempts == 2
            let_go[2].set()
            assert (await billing.becomes("complete", job)).result == "try 2"
