"""The delay of this process's event loop. Blocking code stops every other task, and causes errors
that look like an outage elsewhere.

A heartbeat on the loop measures its own delay. Code that handles an error asks for the longest
delay since its work began. An overdue heartbeat counts too, so that the result does not depend on
the order of tasks after a block. The heartbeat of an idle process is slower: a block
shorter than 1.5 s may then be missed, or measured too short.
"""

import asyncio
import time
from collections import deque

import structlog

from waypost.telemetry import metrics

log = structlog.get_logger()

BEAT_SECONDS = 0.25
IDLE_BEAT_SECONDS = 1.0
IDLE_LOAD = 0.02
"""A process that uses at most this share of a core is idle."""
BLOCKED_SECONDS = 0.5
"""Delays from here on are logged, and reported as the cause of a lost transaction."""
REMEMBERED = 100


class LoopLag:
    """Measures the delay of one event loop."""

    def __init__(self) -> None:
        self._delays: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        """Time and delay of late heartbeats, from `BLOCKED_SECONDS` on."""
        self._due = 0.0
        self._begun = (0.0, 0.0)
        """Time, and CPU time of the process, at the last heartbeat."""
        self._beat: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Measures the running loop from now on."""
        self.stop()
        self._delays.clear()
        self._expect(BEAT_SECONDS)

    def stop(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
        self._beat = None

    def longest_since(self, moment: float) -> float:
        """Seconds of the longest block that ended after `moment` (`time.monotonic`); 0 if there was
        none, or nothing is measured.
        """
        overdue = time.monotonic() - self._due if self._beat is not None else 0.0
        delays = [overdue, *(late for at, late in self._delays if at >= moment)]
        longest = max(delays)
        return longest if longest >= BLOCKED_SECONDS else 0.0

    def _expect(self, seconds: float) -> None:
        self._begun = time.monotonic(), time.process_time()
        self._due = self._begun[0] + seconds
        self._beat = asyncio.get_running_loop().call_later(seconds, self._note)

    def _note(self) -> None:
        now = time.monotonic()
        late = max(now - self._due, 0.0)
        metrics.EVENT_LOOP_LAG.observe(late)
        if late >= BLOCKED_SECONDS:
            self._delays.append((now, late))
            log.error("event_loop_lag", seconds=round(late, 2))
        self._expect(IDLE_BEAT_SECONDS if self._is_idle(now) else BEAT_SECONDS)

    def _is_idle(self, now: float) -> bool:
        began, used = self._begun
        return time.process_time() - used <= IDLE_LOAD * (now - began)


LOOP_LAG = LoopLag()
"""The measurement of this process, which has one loop."""
