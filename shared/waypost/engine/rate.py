"""No faster than an operator allows, so that those who serve meanwhile, and what a handler calls,
keep their share.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable


class Rate:
    """Without a number it never waits. What took longer than the rate asks for is not made up by
    haste.
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

    def at_once(self, size: int) -> int:
        """How many of `size` records may go in one step: no more than a second's worth, and one at
        least.
        """
        return size if self._per_second is None else min(size, max(int(self._per_second), 1))

    async def after(self, records: int) -> None:
        """Waits until so many may have been done since the step before."""
        if self._per_second is not None:
            early = self._step_begun + records / self._per_second - self._now()
            if early > 0:
                await self._sleep(early)
            self._step_begun = self._now()
