"""When the producer enqueues, and how many jobs: tokens of the harness, a fixed rate, or a depth of
the queue.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

TOKEN = "ENQUEUE "  # noqa: S105 - a word of the harness's protocol
TOKEN_SECONDS = 0.5
"""Limit of the wait for a token, so that the producer can stop."""
EMPTY_PAUSE_SECONDS = 0.05


class Pacing(Protocol):
    async def next(self) -> int:
        """Waits until jobs are due; returns their number, or 0 if there are none now."""
        ...


class HarnessTokens:
    """`ENQUEUE n` lines on standard input. Other lines are ignored."""

    def __init__(self, lines: asyncio.StreamReader) -> None:
        self._lines = lines

    async def next(self) -> int:
        try:
            async with asyncio.timeout(TOKEN_SECONDS):
                line = (await self._lines.readline()).decode(errors="replace").strip()
        except TimeoutError:
            return 0
        if not line:
            await asyncio.sleep(EMPTY_PAUSE_SECONDS)  # the input ended: the harness stops this process
            return 0
        number = line.removeprefix(TOKEN)
        return int(number) if line.startswith(TOKEN) and number.isdigit() else 0


class FixedRate:
    """Credit grows with the elapsed time, not with the number of rounds, so that a slow round does
    not lower the offered rate.
    """

    def __init__(
        self,
        rate: Callable[[], float],
        *,
        batch_max: int,
        batch_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`rate` returns jobs per second, and may change."""
        self._rate = rate
        self._batch_max = batch_max
        self._batch_seconds = batch_seconds
        self._clock = clock
        self._sleep = sleep
        self._credit = 0.0
        self._credited_at = clock()

    async def next(self) -> int:
        if self._credit < 1:
            await self._sleep(max(self._batch_seconds - (self._clock() - self._credited_at), 0.0))
            now = self._clock()
            self._credit += self._rate() * (now - self._credited_at)
            self._credited_at = now
        batch = min(int(self._credit), self._batch_max)
        self._credit -= batch
        return batch


class DepthTarget:
    """As many jobs as the queue lacks."""

    def __init__(self, target: int, depth: Callable[[], int], *, batch_max: int) -> None:
        self._target = target
        self._depth = depth
        self._batch_max = batch_max

    async def next(self) -> int:
        missing = min(self._target - self._depth(), self._batch_max)
        if missing > 0:
            return missing
        await asyncio.sleep(EMPTY_PAUSE_SECONDS)
        return 0


def controlled_rate(file: Path | None, rate: float) -> float:
    """The rate in the harness's control file, which its phases of high load change; `rate` without
    a readable file.
    """
    try:
        return float(file.read_text()) if file else rate
    except (OSError, ValueError):
        return rate


async def standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader
