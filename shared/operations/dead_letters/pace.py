"""How fast a redrive may go: what it calls has just been down."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class Pace:
    """At most so many letters a second, over all keys of a redrive; without a number, as fast as it goes."""

    def __init__(
        self,
        per_second: float | None = None,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = 1 / per_second if per_second else 0.0
        self._sleep = sleep
        self._now = now
        self._next_at = 0.0

    async def wait(self) -> None:
        """Until the next letter may be tried."""
        now = self._now()
        if self._next_at > now:
            await self._sleep(self._next_at - now)
        self._next_at = max(self._next_at, now) + self._seconds
