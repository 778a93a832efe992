"""Ratios of pairs, and the entries of the result file."""

import json
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from bench.frame.results import entry_of, read, write
from bench.frame.rounds import CONTROL, Measured
from bench.frame.row import OURS, SECONDS, Goal, Sample
from bench.frame.statistics import ratio_of_pairs
from tests.unit.bench.samples import PEER, arm_of, row_of, sample

ROW = row_of(arm_of([], OURS), arm_of([], PEER))


def measured(**seconds: list[float]) -> Measured:
    def samples(each: list[float]) -> list[Sample]:
        return [sample(seconds=one) for one in each]

    return Measured(samples={name: samples(each) for name, each in seconds.items()}, durability={"fsync": "on"})


def test_the_ratio_is_the_median_of_the_pairs() -> None:
    """Not the ratio of the medians: both arms of a pair see the same load."""
    ours, peer = [10.0, 40.0, 90.0], [20.0, 50.0, 30.0]
    assert ratio_of_pairs(ours, peer).median == median([0.5, 0.8, 3.0])


def test_the_interval_holds_the_ratio_and_lies_within_the_rounds() -> None:
    ratio = ratio_of_pairs([1.0, 2.0, 3.0, 4.0], [1.0] * 4)
    assert 1.0 <= ratio.low < ratio.median < ratio.high <= 4.0


def test_equal_rounds_give_no_width() -> None:
    ratio = ratio_of_pairs([2.0] * 5, [1.0] * 5)
    assert (ratio.low, ratio.median, ratio.high) == (2.0, 2.0, 2.0)


def test_the_interval_of_few_rounds_is_from_the_lowest_ratio_to_the_highest() -> None:
    ratio = ratio_of_pairs([1.0, 2.0, 4.0], [1.0] * 3)
    assert (ratio.low, ratio.median, ratio.high) == (1.0, 2.0, 4.0)


def test_an_entry_judges_the_goal() -> None:
    slow = entry_of(ROW, measured(ours=[4.0, 4.0], peer=[1.0, 1.0], control=[4.0, 4.0]))
    assert (slow["ours"], slow["peer"], slow["ratio"], slow["met"]) == (25.0, 100.0, 0.25, False)
    fast = entry_of(ROW, measured(ours=[2.0, 2.0], peer=[1.0, 1.0], control=[2.0, 2.0]))
    assert (fast["ratio"], fast["met"]) == (0.5, True)


def test_a_goal_may_judge_another_arm() -> None:
    goal = Goal(measure=SECONDS, bound=30, relative=False, arm="rebuild")
    entry = entry_of(
        replace(ROW, goals=[*ROW.goals, goal], once=True), measured(ours=[1.0], peer=[1.0], rebuild=[31.0])
    )
    (judged,) = entry["further"]
    assert (judged["goal"], judged["ours"], judged["met"]) == ("rebuild: time ≤ 30 s", 31.0, False)


@pytest.mark.parametrize(("seconds", "quiet"), [(1.0, True), (0.96, True), (1.1, False), (0.9, False)])
def test_the_control_shows_a_noisy_machine(seconds: float, quiet: bool) -> None:
    entry = entry_of(ROW, measured(**{OURS: [1.0, 1.0], PEER: [1.0, 1.0], CONTROL: [seconds, seconds]}))
    assert entry["quiet"] is quiet


def test_a_single_run_has_no_interval_and_no_control() -> None:
    entry = entry_of(replace(ROW, once=True), measured(**{OURS: [1.0], PEER: [2.0]}))
    assert (entry["ratio"], entry["interval"], entry["control"]) == (2.0, None, None)
    assert entry["quiet"]
    assert entry["rounds"] == 1


def test_one_row_replaces_only_its_own_entry(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    write({"B2": {"ratio": 2}, "B10": {"ratio": 10}}, file)
    write({"B1b": {"ratio": 1}, "B2": {"ratio": 3}}, file)
    assert read(file) == {"B2": {"ratio": 3}, "B10": {"ratio": 10}, "B1b": {"ratio": 1}}
    assert list(json.loads(file.read_text())) == ["B1b", "B2", "B10"]
