"""The guard fails for more CPU per unit than stored, and says what to do."""

from pathlib import Path

import pytest

from bench.frame.guard import Figure, figure_of, is_slower, read, verdict, write
from bench.frame.row import OURS
from bench.table import ROWS
from tests.unit.bench.samples import arm_of, row_of

STORED: Figure = {"cpu_us": 100.0, "calibrated": 2.0}
ROW = row_of(arm_of([], OURS))


def figure(calibrated: float) -> Figure:
    return {"cpu_us": 120.0, "calibrated": calibrated}


@pytest.mark.parametrize(("calibrated", "slower"), [(2.0, False), (2.19, False), (2.21, True), (1.0, False)])
def test_ten_per_cent_are_tolerated(calibrated: float, slower: bool) -> None:
    assert is_slower(figure(calibrated), STORED) is slower


def test_the_error_says_what_and_why_and_what_to_do() -> None:
    text = verdict(ROW, figure(2.4), STORED)
    assert "+20% of the stored figure: slower than the tolerance of 10%" in text
    assert "why: " in text
    assert "python -m bench.profile B0" in text
    assert "make check-speed ROW=B0 WRITE=1" in text


def test_a_faster_figure_is_to_be_stored() -> None:
    assert "make check-speed ROW=B0 WRITE=1" in verdict(ROW, figure(1.0), STORED)
    assert "WRITE" not in verdict(ROW, figure(2.0), STORED)


async def test_a_row_within_the_tolerance_is_measured_three_times() -> None:
    runs: list[str] = []
    await figure_of(row_of(arm_of(runs, OURS)), figure(1e9))
    assert len(runs) == 1 + 3


async def test_a_slow_row_is_measured_again_before_it_fails() -> None:
    runs: list[str] = []
    await figure_of(row_of(arm_of(runs, OURS)), figure(0.0))
    assert len(runs) == 1 + 8


def test_storing_a_figure_keeps_the_others(tmp_path: Path) -> None:
    file = tmp_path / "guard.json"
    write({"B1": STORED, "B2": STORED}, file)
    write({"B2": figure(3.0)}, file)
    assert read(file) == {"B1": STORED, "B2": figure(3.0)}


def test_a_missing_figure_is_to_be_stored() -> None:
    assert "no figure is stored: store it with `make check-speed ROW=B0 WRITE=1`" in verdict(ROW, figure(1.0), None)


def test_each_stored_figure_has_a_guarded_row() -> None:
    assert set(read()) <= {name for name, row in ROWS.items() if row.guarded}
