"""Cron lines around changes of the clock, against a walk through every minute; and the lines that
are refused.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.jobs.cron import Cron
from waypost.kernel.errors import Misconfigured

MINUTE = timedelta(minutes=1)

CHANGES = [
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("Australia/Lord_Howe", "2026-10-04"),  # by half an hour
    ("Australia/Lord_Howe", "2026-04-05"),
]
FREQUENT = ["* * * * *", "0 * * * *", "*/15 * * * *", "*/15 1 * * *", "*/15 2 * * *", "*/30 0 * * *", "10 */2 * * *"]
FIXED = ["30 2 * * *", "30 1 * * *", "0 2 * * *", "15,45 2 * * *", "30 2,3 * * *", "59 1 * * *", "0 0-23 * * *"]


def fits(field: str, value: int, top: int) -> bool:
    return any(value in _term(term, top) for term in field.split(","))


def _term(term: str, top: int) -> Collection[int]:
    base, _, step = term.partition("/")
    low, _, high = base.partition("-")
    first, last = (0, top) if base == "*" else (int(low), int(high or low))
    return range(first, last + 1, int(step or 1))


def ticks(line: str, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """The expected ticks, computed by reading the wall clock at every minute."""
    minutes, hours, *_ = line.split()
    shown: list[datetime] = []
    while start <= end:
        wall = start.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
        due = [each for each in _passed(shown, wall) if fits(minutes, each.minute, 59) and fits(hours, each.hour, 23)]
        if (wall in due) if line in FREQUENT else any(each not in shown for each in due):
            yield start
        shown.append(wall)
        start += MINUTE


def _passed(shown: Sequence[datetime], wall: datetime) -> Iterator[datetime]:
    """The wall times that this minute brings: those of a gap that has just been skipped, and its
    own.
    """
    gap = shown[-1] + MINUTE if shown else wall
    while gap < wall:
        yield gap
        gap += MINUTE
    yield wall


@pytest.mark.parametrize("line", FREQUENT + FIXED)
@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_ticks_around_a_clock_change_match_a_minute_by_minute_walk(zone: str, day: str, line: str) -> None:
    change = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    cron, expected = (
        Cron(line, zone),
        list(ticks(line, zone, change - timedelta(hours=30), change + timedelta(hours=36))),
    )
    for now in (change + timedelta(minutes=each, seconds=17) - timedelta(hours=1) for each in range(7 * 60)):
        place = bisect_right(expected, now)
        assert (cron.latest_tick(now), cron.next_tick(now)) == (expected[place - 1], expected[place]), now


@pytest.mark.parametrize(
    ("zone", "line", "day", "moments"),
    [
        ("America/New_York", "30 2 * * *", "2026-03-08", ["03:00-04:00"]),  # 02:30 is skipped
        ("America/New_York", "30 1 * * *", "2026-11-01", ["01:30-04:00"]),  # 01:30 comes twice
        (
            "America/New_York",
            "*/30 1 * * *",
            "2026-11-01",
            ["01:00-04:00", "01:30-04:00", "01:00-05:00", "01:30-05:00"],
        ),
        ("America/New_York", "*/30 2 * * *", "2026-03-08", []),
        ("Europe/Berlin", "30 2 * * *", "2026-03-29", ["03:00+02:00"]),
        ("Europe/Berlin", "30 2 * * *", "2026-10-25", ["02:30+02:00"]),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-04", ["02:30+11:00"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-05", ["01:45+11:00"]),
        (
            "Australia/Lord_Howe",
            "*/15 2 * * *",
            "2026-04-05",
            ["02:00+10:30", "02:15+10:30", "02:30+10:30", "02:45+10:30"],
        ),
    ],
)
def test_ticks_of_a_day_with_a_clock_change(zone: str, line: str, day: str, moments: list[str]) -> None:
    cron, now = Cron(line, zone), datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)) - MINUTE
    found: list[str] = []
    while (now := cron.next_tick(now).astimezone(ZoneInfo(zone))).date().isoformat() == day:
        found.append(now.isoformat()[11:16] + now.isoformat()[19:])
    assert found == moments


def test_line_is_parsed_as_by_debian_cron() -> None:
    monday = Cron("30 2 * * 1", "Europe/Berlin")
    assert monday.next_tick(datetime(2026, 3, 1, tzinfo=UTC)) == datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    assert Cron("0 9 1 * *").next_tick(datetime(2026, 3, 1, 9, tzinfo=UTC)) == datetime(2026, 4, 1, 9, tzinfo=UTC)
    assert Cron("0 9 L * *").next_tick(datetime(2026, 2, 1, tzinfo=UTC)) == datetime(2026, 2, 28, 9, tzinfo=UTC)
    assert str(Cron(" 30  2 * * MON ")) == "30 2 * * MON UTC"


def test_tick_is_due_from_its_moment_on() -> None:
    nine, before = datetime(2026, 3, 1, 9, tzinfo=UTC), timedelta(microseconds=1)
    daily = Cron("0 9 * * *")
    assert daily.latest_tick(nine) == nine == daily.next_tick(nine - before)
    assert daily.latest_tick(nine - before) == nine - timedelta(days=1)


@pytest.mark.parametrize(
    ("line", "zone", "message"),
    [
        ("61 2 * * *", "UTC", "'61 2 [*] [*] [*]': wrong minute; the fields are minute hour day-of-month"),
        ("0 24 * * *", "UTC", "wrong hour"),
        ("0 0 32 * *", "UTC", "wrong day-of-month"),
        ("0 0 * 13 *", "UTC", "wrong month"),
        ("0 0 * * 8", "UTC", "wrong day-of-week"),
        ("*/0 * * * *", "UTC", "wrong minute"),
        ("0 9-8 * * *", "UTC", "wrong hour"),
        ("0 0 30 2 *", "UTC", "wrong day-of-month"),
        ("0 0 */20 * 1L", "UTC", "is never due: no day matches its day and month"),
        ("* * * *", "UTC", "has 4 fields, not five: minute hour day-of-month month day-of-week"),
        ("0 0 0 * * *", "UTC", "has 6 fields, not five"),
        ("@daily", "UTC", "has 1 fields, not five"),
        ("", "UTC", "has 0 fields, not five"),
        ("0 2 * * *", "Europe/Berlni", "time zone 'Europe/Berlni' does not exist; use one of the IANA database"),
        ("0 2 * * *", "../etc/passwd", "does not exist"),
        ("0 2 * * *", "Europe", "does not exist"),
        ("0 2 * * *", "", "does not exist"),
    ],
)
def test_invalid_line_is_refused(line: str, zone: str, message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        Cron(line, zone)


@given(st.lists(st.text(alphabet="0123456789*/-,#LWlMONFEB ", max_size=8), min_size=4, max_size=6).map(" ".join))
def test_any_text_is_parsed_or_refused(line: str) -> None:
    try:
        cron = Cron(line, "Europe/Berlin")
    except Misconfigured:
        return
    now = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert cron.latest_tick(now) <= now < cron.next_tick(now)
