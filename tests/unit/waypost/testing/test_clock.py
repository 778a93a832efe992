"""A clock stands still or runs, and moves in every process that shares its file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from waypost.testing import MovableClock

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_it_stands_still_until_it_is_moved() -> None:
    clock = MovableClock(NOON)
    assert clock.now() == clock.now() == NOON
    clock.move(HOUR)
    clock.move(HOUR)
    assert (clock.now(), clock.offset) == (NOON + 2 * HOUR, 2 * HOUR)
    clock.move_to(NOON - HOUR)
    assert clock.now() == NOON - HOUR


def test_it_runs_with_the_system_clock_and_continues_from_a_moved_time() -> None:
    clock = MovableClock()
    assert clock.now() <= datetime.now(UTC) <= clock.now()
    clock.move_to(NOON)
    first = clock.now()
    assert NOON <= first <= clock.now()


def test_clocks_of_one_file_move_together(tmp_path: Path) -> None:
    mine, theirs = MovableClock(NOON, file=tmp_path / "clock"), MovableClock(NOON, file=tmp_path / "clock")
    assert theirs.now() == NOON
    mine.move(HOUR)
    assert theirs.now() == NOON + HOUR
    theirs.move(HOUR)
    assert mine.now() == NOON + 2 * HOUR


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        MovableClock(datetime(2026, 11, 25))  # noqa: DTZ001 - the mistake under test
