"""An outage of any length uses no attempts of a job; everything else does."""

from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from tests.integration.jobs.conftest import ServiceOf
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.status import Status
from waypost.jobs.worker import failure
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import NotYet, Transient, Unavailable, WaypostError
from waypost.operations.jobs.changes import retry_job
from waypost.operations.jobs.search import JobSearch, find_jobs
from waypost.testing.eventually import eventually

AT_ONCE = Backoff(first_seconds=0.01, factor=1)


class MailServerAway(Transient):
    """A subclass of another module."""


ERRORS = [Transient(), MailServerAway(), Unavailable("full", retry_after=timedelta()), NotYet()]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure, "PAUSES", AT_ONCE)
    monkeypatch.setattr(failure, "WAITING_PAUSES", AT_ONCE)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_an_outage_of_more_executions_than_the_job_has_attempts_ends_with_its_completion(
    service: ServiceOf, error: WaypostError
) -> None:
    async def mail(job: JobContext) -> int:
        if job.outages < 7:
            raise error
        return job.executions

    billing = await service([Job(mail, max_attempts=2)])
    async with billing.working():
        status = await billing.becomes("complete", await billing.enqueue("mail"))
    assert (status.result, status.attempts, status.outages) == (8, 1, 7)
    (listed,) = await find_jobs(billing.ops, JobSearch(statuses=[Status.COMPLETE], tenant_id=billing.tenant))
    assert (listed.attempts, listed.outages) == (1, 7)


async def test_outages_are_no_attempts_for_a_worker_of_the_earlier_release(service: ServiceOf) -> None:
    """It compares `attempts` with the limit, and does not know `outages`."""

    async def mail(job: JobContext) -> None:
        (row,) = await billing.fetch("select attempts, outages from jobs")
        seen.append((row["attempts"], row["outages"]))
        assert seen[-1] == (job.attempt, job.outages)
        if job.executions < 4:
            raise Transient

    seen: list[tuple[int, int]] = []
    billing = await service([Job(mail, max_attempts=2)])
    async with billing.working():
        await billing.becomes("complete", await billing.enqueue("mail"))
    assert seen == [(1, 0), (1, 1), (1, 2), (1, 3)]


async def test_an_error_between_outages_uses_an_attempt(service: ServiceOf) -> None:
    async def mail(job: JobContext) -> None:
        seen.append(job.attempt)
        raise RuntimeError if job.executions % 4 == 0 else Transient

    seen: list[int] = []
    billing = await service([Job(mail, max_attempts=3, retry=AT_ONCE)])
    async with billing.working():
        status = await billing.becomes("dead", await billing.enqueue("mail"))
    assert (status.attempts, status.outages, seen) == (3, 9, [1] * 4 + [2] * 4 + [3] * 4)


async def test_a_waiting_job_shows_no_attempt_after_an_outage(service: ServiceOf) -> None:
    async def mail(job: JobContext) -> None:
        raise Unavailable("full", retry_after=timedelta(hours=1))

    billing = await service([Job(mail)])
    async with billing.working():
        status = await billing.becomes("failed", await billing.enqueue("mail"))
    assert (status.attempts, status.outages) == (0, 1)


async def test_a_process_that_dies_of_the_job_uses_an_attempt_between_outages(service: ServiceOf) -> None:
    async def mail(job: JobContext) -> None:
        raise Transient

    billing = await service([Job(mail, max_attempts=2)])
    job = await billing.enqueue("mail")
    # Nine executions that outages ended, and two attempts that ended the process.
    await billing.fetch("update jobs set attempts = 2, outages = 9, crashed = true")
    async with billing.working():
        status = await billing.becomes("dead", job)
    assert (status.attempts, status.outages, status.error) == (2, 9, "the worker crashed during attempt 2 of 2")


async def test_a_job_that_may_run_only_once_is_not_retried_after_an_outage(service: ServiceOf) -> None:
    async def draw(job: JobContext) -> None:
        raise Transient("the machine does not answer")

    billing = await service([Job(draw, only_once="the machine does not report whether it has drawn")])
    async with billing.working():
        status = await billing.becomes("dead", await billing.enqueue("draw"))
    assert (status.attempts, status.outages) == (1, 0)


async def test_a_retry_by_an_operator_begins_with_all_attempts(service: ServiceOf) -> None:
    async def mail(job: JobContext) -> None:
        raise Transient if job.outages < 2 else RuntimeError

    billing = await service([Job(mail, max_attempts=2, retry=AT_ONCE)])
    await billing.add_tenants(billing.tenant)
    async with billing.working():
        job = await billing.enqueue("mail")
        status = await billing.becomes("dead", job)
        assert (status.attempts, status.outages) == (2, 2)
        await retry_job(billing.admin_service, job, AuditContext(operator="grace", reason="mended"))

        async def again() -> bool:
            (row,) = await billing.fetch("select status, attempts, outages, redrives from jobs")
            return tuple(row) == ("dead", 2, 2, 1)

        await eventually(again)


@pytest.mark.parametrize(
    ("error", "young"),
    [
        (Transient("the mail server does not answer"), ("job_failed", "warning")),
        (NotYet("the recipient has not arrived yet"), ("job_waits", "info")),
    ],
)
async def test_a_long_outage_is_an_error_in_the_log_and_every_execution_is_counted(
    service: ServiceOf, error: WaypostError, young: tuple[str, str]
) -> None:
    async def mail(job: JobContext) -> None:
        if job.outages < failure.ALARM_AFTER:
            raise error

    billing = await service([Job(mail)])
    counted = ("waypost_job_outages_total", {"job": "mail"})
    before = REGISTRY.get_sample_value(*counted) or 0
    with capture_logs() as logs:
        async with billing.working():
            await billing.becomes("complete", await billing.enqueue("mail"))
    failed = [(entry["event"], entry["log_level"]) for entry in logs if entry.get("job") == "mail"]
    assert failed == [young] * (failure.ALARM_AFTER - 1) + [("job_waits_for_outage", "error")]
    assert REGISTRY.get_sample_value(*counted) == before + failure.ALARM_AFTER
