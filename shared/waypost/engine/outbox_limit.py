"""The limit of the outbox. At the limit, API requests that write events are refused before they
start; consumers, jobs and reads continue.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from waypost.engine.periodic_loop import PeriodicLoop
from waypost.kernel.errors import Unavailable

log = structlog.get_logger()

COUNT_SECONDS = 1.0
IDLE_PAUSES = 10
"""Length of the pause while this process writes no events, in such pauses. The next request that
writes events ends it.
"""
SHARE = 0.1
"""Maximum share of time spent counting: a count of a full outbox is slow before a vacuum."""
RETRY_AFTER = timedelta(seconds=5)

CountRows = Callable[[int], Awaitable[int]]
"""Counts pending rows, up to the given limit."""


class OutboxLimit(PeriodicLoop):
    """Refuses work while the outbox is full; a `waypost.engine.process.Lifecycle`. Events written
    between two counts may exceed the limit.
    """

    name = "outbox-cap"

    def __init__(self, count: CountRows, *, rows: int, count_seconds: float = COUNT_SECONDS) -> None:
        super().__init__(every_seconds=count_seconds)
        self._count = count
        self._rows = rows
        self._count_seconds = count_seconds
        self._reached = False
        self._admitted = False
        """Whether a request was admitted since the last count began."""
        self._resting = False
        """Whether the loop is in the long pause."""

    def admit(self) -> None:
        """Raises Unavailable while the outbox is full. Called before outbox rows are added."""
        self._admitted = True
        if self._resting:
            self._resting = False
            self.wakeup.set()
        if self._reached:
            raise Unavailable(
                f"{self._rows} events wait to be published, which is this service's limit;"
                " nothing was changed, repeat the request later",
                RETRY_AFTER,
            )

    async def tick(self) -> float:
        """Counts the rows. A slow count delays the next one."""
        began, admitted, self._admitted = time.monotonic(), self._admitted, False
        self._judge(await self._count(self._rows))
        self._resting = not (admitted or self._admitted or self._reached)
        pause_seconds = self._count_seconds * (IDLE_PAUSES if self._resting else 1)
        return pause_after(time.monotonic() - began, pause_seconds)

    def _judge(self, rows: int) -> None:
        reached = rows >= self._rows
        if reached and not self._reached:
            log.error("outbox_limit_reached", rows=rows, cap=self._rows)
        if self._reached and not reached:
            log.warning("outbox_limit_cleared", rows=rows, cap=self._rows)
        self._reached = reached


def pause_after(count_took_seconds: float, pause_seconds: float) -> float:
    """Seconds until the next count, so that counting takes a tenth of the time at most."""
    return max(pause_seconds, count_took_seconds * (1 / SHARE - 1))
