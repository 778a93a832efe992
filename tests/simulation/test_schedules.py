"""The promises hold in a thousand schedules, and a seed repeats its schedule."""

import subprocess
import sys
from collections.abc import Sequence

import pytest

from infra.stack.places import CHECKOUT
from tests.simulation.schedule import run

SCHEDULES = 250


def simulate(*options: str) -> subprocess.CompletedProcess[str]:
    """In its own process: a schedule replaces the clocks of its process."""
    command = [sys.executable, "-m", "tests.simulation", *options]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("first", range(1, 1001, SCHEDULES))
def test_no_schedule_breaks_a_promise(first: int) -> None:
    ran = simulate("--seed", str(first), "--schedules", str(SCHEDULES), "--workers", "1")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"no promise was broken: {SCHEDULES:,} schedules" in ran.stdout


def steps_of(seed: int) -> Sequence[str]:
    return simulate("--replay", str(seed)).stdout.splitlines()


def test_seed_replays_every_step_in_another_process() -> None:
    first = steps_of(9)
    assert len(first) > 500
    assert steps_of(9) == first


def test_schedule_does_not_depend_on_the_ones_before_it() -> None:
    first = run(11)
    assert first.faults > 0
    run(12)
    assert run(11) == first
