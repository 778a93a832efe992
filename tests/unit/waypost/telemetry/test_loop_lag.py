"""Code that blocks the event loop is named, independent of the task that runs first after the
block.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.kernel.errors import Transient
from waypost.telemetry.loop_lag import BEAT_SECONDS, BLOCKED_SECONDS, LoopLag

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
