"""How fast a redrive goes, on a clock that stands still."""

from shared.operations.dead_letters import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def test_letters_are_as_far_apart_as_was_asked() -> None:
    clock = Clock()
    pace = Pace(4, sleep=clock.sleep, now=lambda: clock.now)
    for _ in range(3):
        await pace.wait()
    assert clock.slept == [0.25, 0.25]
    clock.now += 60  # what took longer than the pace asks for is not made up by haste
    for _ in range(2):
        await pace.wait()
    assert clock.slept == [0.25, 0.25, 0.25]


async def test_without_a_number_nobody_waits() -> None:
    clock = Clock()
    pace = Pace(sleep=clock.sleep, now=lambda: clock.now)
    for _ in range(3):
        await pace.wait()
    assert clock.slept == []
