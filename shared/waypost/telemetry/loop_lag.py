"""The delay of this process's event loop: code that blocks stops every other task, and looks like
an outage elsewhere.

A heartbeat on the loop notes how late it comes. Code that handles an error asks for the longest
delay since its work began; a heartbeat that is still overdue counts, so that the answer does not
depend on who runs first after a block.
"""

import asyncio
import time
from collections import deque

import structlog

from waypost.telemetry import metrics

log = structlog.get_logger()

BEAT_SECONDS = 0.1
BLOCKED_SECONDS = 0.5
"""From here on a delay is logged, and named as the cause of a lost transaction."""
REMEMBERED = 100


class LoopLag:
    def __init__(self) -> None:
        self._delays: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        """When a heartbeat came late, and by how much; only those of `BLOCKED_SECONDS` and more."""
        self._due = 0.0
        self._beat: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watches the running loop from now on."""
        self.stop()
        self._delays.clear()
        self._expect()

    def stop(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
        self._beat = None

    def longest_since(self, moment: float) -> float:
        """Seconds of the longest block that ended after `moment` (of `time.monotonic`); 0 where
        nothing is watched, or nothing blocked.
        """
        overdue = time.monotonic() - self._due if self._beat is not None else 0.0
        delays = [overdue, *(late for at, late in self._delays if at >= moment)]
        longest = max(delays)
        return longest if longest >= BLOCKED_SECONDS else 0.0

    def _expect(self) -> None:
        self._due = time.monotonic() + BEAT_SECONDS
        self._beat = asyncio.get_running_loop().call_later(BEAT_SECONDS, self._note)

    def _note(self) -> None:
        now = time.monotonic()
        late = max(now - self._due, 0.0)
        metrics.EVENT_LOOP_LAG.observe(late)
        if late >= BLOCKED_SECONDS:
            self._delays.append((now, late))
            log.error("event_loop_lag", seconds=round(late, 2))
        self._expect()


LOOP_LAG = LoopLag()
"""The watch of this process, which has one loop."""
