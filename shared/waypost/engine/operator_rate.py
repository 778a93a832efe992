"""A rate limit set by an operator, so that other work and called systems keep their capacity."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class OperatorRate:
    """Limits records per second; without a number there is no limit. Time lost is not caught up
    with a burst.
    """

    def __init__(
        self,
        per_second: float | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._per_second = per_second
        self._now = now
        self._sleep = sleep
        self._step_begun = now()

    @property
    def is_limited(self) -> bool:
        return self._per_second is not None

    def at_once(self, size: int) -> int:
        """How many of `size` records may be processed in one step: one second's worth at most, one
        at least.
        """
        return size if self._per_second is None else min(size, max(int(self._per_second), 1))

    async def after(self, records: int) -> None:
        """Waits until this many records may have been processed since the previous step."""
        if self._per_second is not None:
            seconds = self._step_begun + records / self._per_second - self._now()
            if seconds > 0:
                await self._sleep(seconds)
            self._step_begun = self._now()
