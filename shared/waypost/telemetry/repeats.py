"""A library that tries again ten times a second says so ten times a second: a log keeps the first,
and how many came after it.
"""

import logging
import time
from collections.abc import Callable

PERIOD_SECONDS = 10.0


class Repeats(logging.Filter):
    """Of each message (the text before its values are put in), one line per period passes; it tells
    how many were left out since the one before.
    """

    def __init__(self, library: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(library)
        self._clock = clock
        self._shown: dict[str, tuple[float, int]] = {}
        """When a message passed last, and how many were left out since."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not super().filter(record):
            return True  # another library's, or ours
        message, now = str(record.msg), self._clock()
        at, left_out = self._shown.get(message, (-PERIOD_SECONDS, 0))
        if now - at < PERIOD_SECONDS:
            self._shown[message] = (at, left_out + 1)
            return False
        self._shown[message] = (now, 0)
        if left_out:
            record.msg = f"{message} ({left_out} more like it since the last)"
        return True
