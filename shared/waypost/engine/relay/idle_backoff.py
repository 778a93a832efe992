"""How long an idle relay waits before it looks by itself."""

import asyncio
import contextlib
import random

BUSY_SECONDS = 0.02
IDLE_SECONDS = 1.0


class IdleBackoff:
    """A ring that was lost costs 20 ms while rows keep coming, and at most a second after a long
    silence.
    """

    def __init__(self) -> None:
        self._seconds = BUSY_SECONDS

    def reset(self) -> None:
        self._seconds = BUSY_SECONDS

    async def wait(self, wakeup: asyncio.Event) -> None:
        """Until the bell rings, or it is time to look anyhow; each look in vain doubles that time."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wakeup.wait(), self._seconds * random.uniform(0.8, 1))  # noqa: S311 - jitter
        self._seconds = min(self._seconds * 2, IDLE_SECONDS)
