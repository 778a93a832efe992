"""Everything outside the loop that would differ between two runs of a seed: clocks and ids."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from tests.simulation.loop import SimulatedLoop

EPOCH = 1_800_000_000.0
"""Unix time at which each schedule begins."""


@contextmanager
def deterministic(seed: int, loop: SimulatedLoop) -> Iterator[None]:
    """Inside the block the clocks show the loop's time, and random numbers follow from the seed.
    The order of sets of text is the caller's: it must set PYTHONHASHSEED.
    """
    ids, before, state = dice(f"ids {seed}"), dict(vars(time)), random.getstate()
    urandom = os.urandom
    random.seed(seed)
    vars(time).update(
        monotonic=loop.time,
        clock_gettime=lambda clock: loop.time(),
        perf_counter=loop.time,
        time=lambda: EPOCH + loop.time(),
        time_ns=lambda: int((EPOCH + loop.time()) * 1e9),
    )
    os.urandom = ids.randbytes
    try:
        yield
    finally:
        os.urandom = urandom
        for name in ("monotonic", "clock_gettime", "perf_counter", "time", "time_ns"):
            vars(time)[name] = before[name]
        random.setstate(state)


def dice(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - repeatable on purpose


class SimulatedClock:
    """`waypost.kernel.clock.Clock` of one process, whose time may be off by some seconds."""

    def __init__(self, loop: SimulatedLoop, skew_seconds: float) -> None:
        self._loop = loop
        self._skew_seconds = skew_seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(EPOCH, UTC) + timedelta(seconds=self._loop.time() + self._skew_seconds)
