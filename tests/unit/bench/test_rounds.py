"""The arms of a row take turns, on equal terms and within a time limit."""

import asyncio
from dataclasses import replace

import pytest

from bench.frame.rounds import CONTROL, RowTimedOut, is_enough, measure
from bench.frame.row import OURS, Arm, Sample
from tests.unit.bench.samples import PEER, arm_of, both, row_of, sample


async def test_every_second_round_has_the_reverse_order() -> None:
    order: list[str] = []
    row = row_of(*both(order), rounds=2)
    await measure(row, row.scale)
    assert order == [OURS, PEER, *(OURS, PEER, OURS), *(OURS, PEER, OURS)]


async def test_the_first_run_of_each_arm_is_dropped() -> None:
    row = row_of(*both([]), rounds=4)
    measured = await measure(row, row.scale)
    assert {name: len(samples) for name, samples in measured.samples.items()} == {OURS: 4, PEER: 4, CONTROL: 4}


async def test_arms_with_other_durability_are_refused() -> None:
    row = row_of(arm_of([], OURS, synchronous_commit="off"), arm_of([], PEER, synchronous_commit="on"))
    with pytest.raises(AssertionError, match=r"synchronous_commit.*unfair; give both arms the same settings"):
        await measure(row, row.scale)


async def test_a_row_that_runs_once_has_neither_warm_up_nor_control() -> None:
    order: list[str] = []
    row = replace(row_of(*both(order)), once=True)
    measured = await measure(row, row.scale)
    assert order == [OURS, PEER]
    assert list(measured.samples) == [OURS, PEER]


async def test_no_pair_of_rounds_begins_after_the_budget() -> None:
    row = replace(row_of(*both([]), rounds=6), budget_seconds=0)
    measured = await measure(row, row.scale)
    assert {name: len(samples) for name, samples in measured.samples.items()} == {OURS: 2, PEER: 2, CONTROL: 2}


@pytest.mark.parametrize(
    ("control", "seconds", "enough"),
    [(1.0, 51, True), (1.06, 51, False), (0.94, 51, False), (1.06, 149, False), (1.06, 151, True), (1.0, 49, False)],
)
async def test_a_noisy_row_continues_to_three_times_its_budget(control: float, seconds: float, *, enough: bool) -> None:
    ours, again = sample(seconds=1.0), sample(seconds=1 / control)
    row = replace(row_of(*both([]), rounds=6), budget_seconds=50)
    assert is_enough(row, {OURS: [ours] * 2, PEER: [ours] * 2, CONTROL: [again] * 2}, seconds) is enough


async def test_a_quiet_row_ends_with_its_last_round() -> None:
    ours = [sample()] * 6
    assert is_enough(row_of(*both([]), rounds=6), {OURS: ours, PEER: ours, CONTROL: ours}, 0)


async def test_a_row_past_its_deadline_fails_and_its_arm_is_stopped() -> None:
    steps: list[str] = []

    async def endless() -> Sample:
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("stopped")
        raise AssertionError("it never ends by itself")

    row = replace(row_of(Arm(name=OURS, run=endless)), deadline_seconds=0.2)
    with pytest.raises(RowTimedOut, match=r"(?s)B0 did not end.*why:.*the arms are prepared.*make bench ROW=B0"):
        await measure(row, row.scale)
    assert steps == ["stopped"]


async def test_a_time_out_of_an_arm_is_its_own_error() -> None:
    async def late() -> Sample:
        raise TimeoutError("the broker did not answer")

    row = row_of(Arm(name=OURS, run=late))
    with pytest.raises(TimeoutError, match="the broker did not answer"):
        await measure(row, row.scale)
