"""No faster than an operator allows, so that those who serve meanwhile keep their share of database and broker."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class Rate:
    """Counts from its making on; without a number it never waits."""

    def __init__(
        self,
        per_second: int | None,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._per_second = per_second
        self._now = now
        self._sleep = sleep
        self._begun = now()
        self._done = 0

    def at_once(self, size: int) -> int:
        """How many of `size` records may go in one step: no more than a second's worth."""
        return size if self._per_second is None else min(size, self._per_second)

    async def after(self, records: int) -> None:
        """Waits until so many more may have been done."""
        self._done += records
        if self._per_second is not None:
            early = self._begun + self._done / self._per_second - self._now()
            if early > 0:
                await self._sleep(early)
