"""How long a step has to wait."""

import pytest

from shared.engine.rate import Rate


@pytest.mark.parametrize(
    ("per_second", "took", "waits"),
    [
        (None, 0.0, []),
        (100, 0.0, [0.5, 1.0]),
        (100, 0.4, [pytest.approx(0.1), pytest.approx(0.2)]),
        (100, 2.0, []),
    ],
)
async def test_what_a_step_took_is_no_more_to_wait(per_second: int | None, took: float, waits: list[float]) -> None:
    now, slept = 0.0, list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    rate = Rate(per_second, now=lambda: now, sleep=sleep)
    for _ in range(2):
        now += took
        await rate.after(50)
    assert slept == waits


def test_a_step_is_no_more_than_a_seconds_worth() -> None:
    assert [Rate(each).at_once(500) for each in (None, 20, 1000)] == [500, 20, 500]
