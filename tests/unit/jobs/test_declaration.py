"""When a schedule is due, and how long an attempt may take."""

from datetime import UTC, datetime, timedelta

import pytest

from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job, Scheduled
from waypost.kernel.errors import Misconfigured


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "tick"),
    [
        ("2026-03-01T02:00:00", "2026-03-01T02:00:00"),
        ("2026-03-01T01:59:59", "2026-02-28T02:00:00"),
        ("2026-03-01T23:59:59", "2026-03-01T02:00:00"),
    ],
)
def test_daily(now: str, tick: str) -> None:
    assert Scheduled("clean_up", at="02:00").latest_tick(at(now)) == at(tick)


def test_every_interval_starts_on_the_full_one() -> None:
    minutely = Scheduled("resolve", every=timedelta(minutes=1))
    assert minutely.latest_tick(at("2026-03-01T10:11:59.9")) == at("2026-03-01T10:11:00")


def test_the_next_tick_is_the_one_after_the_latest() -> None:
    daily, hourly = Scheduled("clean_up", at="02:00"), Scheduled("sweep", every=timedelta(hours=1))
    assert daily.next_tick(at("2026-02-28T02:00:00")) == at("2026-03-01T02:00:00")
    assert daily.next_tick(at("2026-03-01T01:59:59")) == at("2026-03-01T02:00:00")
    assert hourly.next_tick(at("2026-03-01T10:11:59")) == at("2026-03-01T11:00:00")


@pytest.mark.parametrize("wrong", [{}, {"at": "02:00", "every": timedelta(hours=1)}, {"every": timedelta(0)}])
def test_half_a_schedule_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Misconfigured):
        Scheduled("clean_up", **wrong)  # type: ignore[arg-type]  # the point


def test_an_attempt_may_take_a_minute_unless_it_is_declared_otherwise() -> None:
    async def charge(job: JobContext) -> None: ...

    assert Job(charge).timeout_seconds == 60
    with pytest.raises(Misconfigured, match="charge"):
        Job(charge, timeout_seconds=0)
