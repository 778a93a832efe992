"""Code that blocks the event loop is named, independent of the task that runs first after the
block.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from structlog.testing import capture_logs

from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.kernel.errors import Transient
from waypost.telemetry import loop_lag
from waypost.telemetry.loop_lag import BEAT_SECONDS, BLOCKED_SECONDS, IDLE_BEAT_SECONDS, IDLE_LOAD, LoopLag

BLOCK_SECONDS = BLOCKED_SECONDS + 2 * BEAT_SECONDS


@pytest.fixture
async def lag(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoopLag]:
    lag = LoopLag()
    lag.start()
    monkeypatch.setattr("waypost.engine.consumer.policy.LOOP_LAG", lag)
    yield lag
    lag.stop()


async def test_block_is_known_before_the_next_heartbeat_and_after_it(lag: LoopLag) -> None:
    began = time.monotonic()
    with capture_logs() as logs:
        time.sleep(BLOCK_SECONDS)  # noqa: ASYNC251 - the block
        assert lag.longest_since(began) >= BLOCKED_SECONDS
        await asyncio.sleep(BEAT_SECONDS)
    assert lag.longest_since(began) >= BLOCKED_SECONDS
    assert lag.longest_since(time.monotonic()) == 0
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("event_loop_lag", "error")
    assert line["seconds"] >= BLOCKED_SECONDS


async def test_work_that_waits_does_not_count_as_a_block(lag: LoopLag) -> None:
    began = time.monotonic()
    await asyncio.sleep(BEAT_SECONDS)
    assert lag.longest_since(began) == 0


async def test_handler_that_blocks_past_its_time_is_named(lag: LoopLag) -> None:
    with pytest.raises(Transient, match=r"held the event loop for 0\.\d s of it"):
        async with ConsumerPolicy(handler_seconds=0.01).handler_timeout():
            time.sleep(BLOCK_SECONDS)  # noqa: ASYNC251 - the block
            await asyncio.sleep(1)


@pytest.mark.parametrize(
    ("load", "expected"), [(IDLE_LOAD / 2, IDLE_BEAT_SECONDS), (IDLE_LOAD * 2, BEAT_SECONDS)], ids=["idle", "working"]
)
async def test_only_an_idle_process_is_measured_rarely(
    monkeypatch: pytest.MonkeyPatch, load: float, expected: float
) -> None:
    clock, loop = Clock(load), ScheduledLoop()
    monkeypatch.setattr(loop_lag, "time", clock)
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    lag = LoopLag()
    lag.start()
    for _ in range(2):
        clock.now += loop.seconds[-1]
        loop.due()
    assert loop.seconds == [BEAT_SECONDS, expected, expected]


class Clock:
    def __init__(self, load: float) -> None:
        self.now = 1000.0
        self._load = load

    def monotonic(self) -> float:
        return self.now

    def process_time(self) -> float:
        return self.now * self._load


class ScheduledLoop:
    """Records the times of `call_later`; `due` calls the latest function."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.due: Callable[[], None] = lambda: None

    def call_later(self, seconds: float, function: Callable[[], None]) -> None:
        self.seconds.append(seconds)
        self.due = function
