"""Due times of schedules, and the time limit of attempts."""

from datetime import UTC, datetime, timedelta
from typing import Any

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
def test_daily_schedule(now: str, tick: str) -> None:
    assert Scheduled("clean_up", at="02:00").latest_tick(at(now)) == at(tick)


def test_interval_starts_at_its_full_multiple() -> None:
    minutely = Scheduled("resolve", every=timedelta(minutes=1))
    assert minutely.latest_tick(at("2026-03-01T10:11:59.9")) == at("2026-03-01T10:11:00")


def test_next_tick_follows_the_latest() -> None:
    daily, hourly = Scheduled("clean_up", at="02:00"), Scheduled("sweep", every=timedelta(hours=1))
    assert daily.next_tick(at("2026-02-28T02:00:00")) == at("2026-03-01T02:00:00")
    assert daily.next_tick(at("2026-03-01T01:59:59")) == at("2026-03-01T02:00:00")
    assert hourly.next_tick(at("2026-03-01T10:11:59")) == at("2026-03-01T11:00:00")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "set exactly one of `at`, `every` and `cron`"),
        ({"at": "02:00", "every": timedelta(hours=1)}, "set exactly one of `at`, `every` and `cron`"),
        ({"at": "02:00", "cron": "0 2 * * *"}, "set exactly one of `at`, `every` and `cron`"),
        ({"every": timedelta(0)}, "more often than once a second"),
        ({"at": "2 am"}, "at '2 am' is not a time of day such as 02:00"),
        ({"at": "24:00"}, "at '24:00' is not a time of day"),
        ({"at": "02:00", "zone": "Europe/Berlin"}, "for a time of day in Europe/Berlin use a cron line"),
        ({"every": timedelta(hours=1), "zone": "UTC"}, "at and every use UTC"),
        ({"cron": "61 2 * * *"}, "cron line '61 2 [*] [*] [*]': wrong minute"),
        ({"cron": "0 2 * * *", "zone": "Berlin"}, "time zone 'Berlin' does not exist"),
    ],
)
def test_invalid_schedule_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(Misconfigured, match=f"schedule of clean_up: .*{message}"):
        Scheduled("clean_up", **given)


@pytest.mark.parametrize(
    ("given", "when"),
    [
        ({"at": "02:00"}, "at 02:00 UTC"),
        ({"every": timedelta(hours=1)}, "every 1 h"),
        ({"every": timedelta(minutes=1)}, "every 1 min"),
        ({"every": timedelta(seconds=90)}, "every 1 min 30 s"),
        ({"every": timedelta(days=1, hours=6)}, "every 1 d 6 h"),
        ({"every": timedelta(seconds=1.5)}, "every 1.5 s"),
        ({"cron": "30 2 * * 1", "zone": "Europe/Berlin"}, "30 2 * * 1 Europe/Berlin"),
        ({"cron": "0  9 1 * *"}, "0 9 1 * * UTC"),
    ],
)
def test_schedule_describes_its_times(given: dict[str, Any], when: str) -> None:
    scheduled = Scheduled("clean_up", **given)
    assert (scheduled.when, scheduled.name) == (when, f"clean_up {when}")


def test_attempt_is_limited_to_a_minute_by_default() -> None:
    async def charge(job: JobContext) -> None: ...

    assert Job(charge).timeout_seconds == 60
    with pytest.raises(Misconfigured, match="charge"):
        Job(charge, timeout_seconds=0)


def test_kind_that_could_never_run_is_refused() -> None:
    async def charge(job: JobContext) -> None: ...

    with pytest.raises(Misconfigured, match="max_at_once=0 it would never run"):
        Job(charge, max_at_once=0)
