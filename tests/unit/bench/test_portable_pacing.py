"""When the adapter's producer enqueues, and its settings."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.portable.pacing import DepthTarget, FixedRate, HarnessTokens, controlled_rate
from bench.portable.settings import Producer, settings_from
from waypost.kernel.errors import Misconfigured

URL = {"DATABASE_URL": "postgres://u:p@localhost:1/d"}


class SlowTime:
    """Each sleep lasts as long as given here, and not as long as asked."""

    def __init__(self, lengths: Sequence[float]) -> None:
        self.now = 0.0
        self._lengths = list(lengths)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, _seconds: float) -> None:
        self.now += self._lengths.pop(0)


async def test_a_token_of_the_harness_is_a_batch() -> None:
    lines = asyncio.StreamReader()
    tokens = HarnessTokens(lines)
    lines.feed_data(b"ENQUEUE 15\nENQUEUE 128\nhello\nENQUEUE x\n")
    assert [await tokens.next() for _ in range(4)] == [15, 128, 0, 0]


async def test_the_end_of_the_input_leaves_the_loop_to_other_tasks() -> None:
    lines, other = asyncio.StreamReader(), asyncio.Event()
    lines.feed_eof()
    asyncio.get_running_loop().call_soon(other.set)
    assert await HarnessTokens(lines).next() == 0
    assert other.is_set()


async def test_a_slow_round_does_not_lower_the_offered_rate() -> None:
    time = SlowTime([0.125, 0.5, 0.125])
    pacing = FixedRate(lambda: 800.0, batch_max=128, batch_seconds=0.025, clock=time, sleep=time.sleep)
    offered = [await pacing.next() for _ in range(6)]
    assert offered == [100, 128, 128, 128, 16, 100]
    assert sum(offered) == 800 * time.now


async def test_the_depth_is_filled_in_batches() -> None:
    depth = 0
    pacing = DepthTarget(150, lambda: depth, batch_max=128)
    assert await pacing.next() == 128
    depth = 128
    assert await pacing.next() == 22
    depth = 150
    assert await pacing.next() == 0


def test_the_control_file_changes_the_rate(tmp_path: Path) -> None:
    file = tmp_path / "rate"
    assert controlled_rate(file, 800.0) == 800.0
    file.write_text("1200.0")
    assert controlled_rate(file, 800.0) == 1200.0
    file.write_text("")
    assert controlled_rate(file, 800.0) == 800.0
    assert controlled_rate(None, 800.0) == 800.0


def test_settings_come_from_the_harness() -> None:
    settings = settings_from({**URL, "PRODUCER_PACING": "harness", "WORKER_COUNT": "8", "BENCH_INSTANCE_ID": "1"})
    assert (settings.producer, settings.workers, settings.instance) == (Producer.HARNESS, 8, 1)
    assert (settings.payload_characters, settings.work_seconds, settings.batch_max) == (256, 0.001, 128)


def test_a_depth_needs_no_pacing_of_the_harness() -> None:
    variables = {**URL, "PRODUCER_MODE": "depth-target", "PRODUCER_PACING": "harness"}
    assert settings_from(variables).producer is Producer.DEPTH


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "DATABASE_URL is missing"),
        ({**URL, "WORKER_COUNT": "0"}, "WORKER_COUNT is '0': set a whole number of 1 or more"),
        ({**URL, "JOB_WORK_MS": "1.5"}, "JOB_WORK_MS is '1.5'"),
        ({**URL, "JOB_PAYLOAD_BYTES": "5000"}, "has at most 1000: lower it"),
        ({**URL, "SCENARIO": "worker_only"}, "set SCENARIO=long_horizon"),
        ({**URL, "PRODUCER_MODE": "burst"}, "set the mode to fixed or depth-target"),
    ],
)
def test_a_wrong_setting_is_named(variables: dict[str, str], named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        settings_from(variables)
