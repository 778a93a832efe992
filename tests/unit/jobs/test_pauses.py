"""The pause after a failed attempt."""

from datetime import UTC, datetime, timedelta

import pytest

from waypost.jobs.claim import Claim
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.worker.failure import pause_seconds
from waypost.kernel.backoff import Backoff
from waypost.kernel.cause import Cause
from waypost.kernel.errors import NotYet, Transient, Unavailable
from waypost.kernel.ids import JobId, TenantId, new_id

AN_HOUR = Backoff(first_seconds=3600, max_seconds=3600, jitter=0)


async def mail(job: JobContext) -> None: ...


def claim(*, attempt: int, outages: int) -> Claim:
    at, job_id = datetime(2026, 11, 1, tzinfo=UTC), JobId(new_id())
    return Claim(
        id=job_id,
        lease=new_id(),
        attempt=attempt,
        outages=outages,
        tenant_id=TenantId(new_id()),
        name="mail",
        idempotency_key=None,
        priority=0,
        enqueued_at=at,
        run_at=at,
        started_at=at,
        operator_retries=0,
        crashed=False,
        arguments={},
        cause=Cause(correlation_id=job_id, causation_id=job_id),
    )


@pytest.mark.parametrize("outages", [0, 8, 100_000])
def test_an_outage_is_over_for_a_job_after_about_a_minute_at_most(outages: int) -> None:
    pause = pause_seconds(Transient(), Job(mail, retry=AN_HOUR), claim(attempt=1, outages=outages))
    assert 0.5 <= pause <= 75


def test_a_row_from_another_topic_is_awaited_for_milliseconds_first() -> None:
    assert pause_seconds(NotYet(), Job(mail, retry=AN_HOUR), claim(attempt=1, outages=0)) < 0.1
    assert 15 <= pause_seconds(NotYet(), Job(mail, retry=AN_HOUR), claim(attempt=1, outages=20)) <= 25


def test_the_pause_of_an_error_grows_with_the_attempts_that_count() -> None:
    doubling = Job(mail, retry=Backoff(first_seconds=10, factor=2, jitter=0))
    assert pause_seconds(RuntimeError(), doubling, claim(attempt=2, outages=40)) == 20


def test_a_dependency_that_names_a_pause_gets_it() -> None:
    busy = Unavailable("busy", retry_after=timedelta(hours=2))
    assert pause_seconds(busy, Job(mail), claim(attempt=1, outages=0)) == 7200
