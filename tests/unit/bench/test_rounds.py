"""The arms of a row take turns, on equal terms."""

import pytest

from bench.frame.rounds import CONTROL, measure
from bench.frame.row import OURS
from tests.unit.bench.samples import PEER, arm_of, both, row_of


async def test_every_second_round_has_the_reverse_order() -> None:
    order: list[str] = []
    row = row_of(*both(order), rounds=2)
    await measure(row, row.scale)
    assert order == [OURS, PEER, *(OURS, PEER, OURS), *(OURS, PEER, OURS)]


async def test_the_first_run_of_each_arm_is_dropped() -> None:
    row = row_of(*both([]), rounds=3)
    measured = await measure(row, row.scale)
    assert {name: len(samples) for name, samples in measured.samples.items()} == {OURS: 3, PEER: 3, CONTROL: 3}


async def test_arms_with_other_durability_are_refused() -> None:
    row = row_of(arm_of([], OURS, synchronous_commit="off"), arm_of([], PEER, synchronous_commit="on"))
    with pytest.raises(AssertionError, match=r"synchronous_commit.*unfair; give both arms the same settings"):
        await measure(row, row.scale)
