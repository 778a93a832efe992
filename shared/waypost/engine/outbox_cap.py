"""The outbox has a cap: at it, what would write more is refused before it is promised. Reading goes on."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from waypost.kernel.errors import Unavailable

log = structlog.get_logger()

LOOK_SECONDS = 1.0
SHARE = 0.1
"""Of the time may go by in looks: a look at a full outbox is long where nothing was vacuumed."""
RETRY_AFTER = timedelta(seconds=5)

CountRows = Callable[[int], Awaitable[int]]
"""How many rows wait; counts no further than it is told."""


class OutboxCap:
    """A `waypost.engine.process.Lifecycle`. What is written between two looks may pass the cap by as much."""

    name = "outbox-cap"

    def __init__(self, count: CountRows, *, rows: int, look_seconds: float = LOOK_SECONDS) -> None:
        self.ready = asyncio.Event()
        self._count = count
        self._rows = rows
        self._look_seconds = look_seconds
        self._reached = False
        self._looking: asyncio.Task[None] | None = None

    def admit(self) -> None:
        """Before rows are added. Raises Unavailable at the cap."""
        if self._reached:
            raise Unavailable(
                f"{self._rows} events wait to be published, which is as many as this service keeps;"
                " nothing was changed, send the same request again later",
                RETRY_AFTER,
            )

    async def start(self) -> None:
        self._looking = asyncio.create_task(self._look_on(), name=self.name)

    async def drain(self, deadline_seconds: float) -> None:
        """Nothing to end."""

    async def stop(self) -> None:
        self.ready.clear()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
            self._looking = None

    async def _look_on(self) -> None:
        while True:
            began = time.monotonic()
            try:
                self._judge(await self._count(self._rows))
                self.ready.set()
            except Exception as error:  # a cap that nobody looks after would hold, or fail to, for ever
                self.ready.clear()
                log.warning("outbox_not_counted", exc_info=error)
            await asyncio.sleep(pause_after(time.monotonic() - began, self._look_seconds))

    def _judge(self, rows: int) -> None:
        reached = rows >= self._rows
        if reached and not self._reached:
            log.error("outbox_limit_reached", rows=rows, cap=self._rows)
        if self._reached and not reached:
            log.warning("outbox_limit_cleared", rows=rows, cap=self._rows)
        self._reached = reached


def pause_after(look_took_seconds: float, pause_seconds: float) -> float:
    return max(pause_seconds, look_took_seconds * (1 / SHARE - 1))
