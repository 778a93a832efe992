"""The pause after a step, on a clock that the test controls."""

import pytest

from waypost.engine.operator_rate import OperatorRate


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.mark.parametrize(
    ("per_second", "took", "waits"),
    [
        (None, 0.0, []),
        (100, 0.0, [0.5, 0.5]),
        (100, 0.4, [pytest.approx(0.1), pytest.approx(0.1)]),
        (0.5, 0.0, [100, 100]),
        (100, 2.0, []),
    ],
)
async def test_duration_of_a_step_reduces_the_pause(per_second: float | None, took: float, waits: list[float]) -> None:
    clock = Clock()
    rate = OperatorRate(per_second, now=lambda: clock.now, sleep=clock.sleep)
    for _ in range(2):
        clock.now += took
        await rate.after(50)
    assert clock.slept == waits


async def test_slow_step_is_not_followed_by_a_burst() -> None:
    clock = Clock()
    rate = OperatorRate(4, now=lambda: clock.now, sleep=clock.sleep)
    clock.now += 60
    for _ in range(3):
        await rate.after(1)
    assert clock.slept == [0.25, 0.25]


def test_step_is_one_record_to_one_second_of_records() -> None:
    assert [OperatorRate(each).at_once(500) for each in (None, 20, 1000, 0.2)] == [500, 20, 500, 1]
