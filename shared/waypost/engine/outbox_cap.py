"""The outbox has a cap: at it, what would write more is refused before it is promised. Reading goes
on.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from waypost.engine.periodic_loop import PeriodicLoop
from waypost.kernel.errors import Unavailable

log = structlog.get_logger()

LOOK_SECONDS = 1.0
SHARE = 0.1
"""Of the time may go by in looks: a look at a full outbox is long where nothing was vacuumed."""
RETRY_AFTER = timedelta(seconds=5)

CountRows = Callable[[int], Awaitable[int]]
"""How many rows wait; counts no further than it is told."""


class OutboxCap(PeriodicLoop):
    """A `waypost.engine.process.Lifecycle`. What is written between two looks may pass the cap by
    as much.
    """

    name = "outbox-cap"

    def __init__(self, count: CountRows, *, rows: int, look_seconds: float = LOOK_SECONDS) -> None:
        super().__init__(every_seconds=look_seconds)
        self._count = count
        self._rows = rows
        self._look_seconds = look_seconds
        self._reached = False

    def admit(self) -> None:
        """Before rows are added. Raises Unavailable at the cap."""
        if self._reached:
            raise Unavailable(
                f"{self._rows} events wait to be published, which is as many as this service keeps;"
                " nothing was changed, send the same request again later",
                RETRY_AFTER,
            )

    async def tick(self) -> float:
        """Counts the rows. A long count makes the next one come later."""
        began = time.monotonic()
        self._judge(await self._count(self._rows))
        return pause_after(time.monotonic() - began, self._look_seconds)

    def _judge(self, rows: int) -> None:
        reached = rows >= self._rows
        if reached and not self._reached:
            log.error("outbox_limit_reached", rows=rows, cap=self._rows)
        if self._reached and not reached:
            log.warning("outbox_limit_cleared", rows=rows, cap=self._rows)
        self._reached = reached


def pause_after(look_took_seconds: float, pause_seconds: float) -> float:
    return max(pause_seconds, look_took_seconds * (1 / SHARE - 1))
