"""Limits repeated log messages of a library, for example of one that retries ten times a second."""

import logging
import time
from collections.abc import Callable

PERIOD_SECONDS = 10.0


class RepeatFilter(logging.Filter):
    """Passes each message (its text before formatting) once per period, with the number of
    repetitions since then.
    """

    def __init__(self, library: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(library)
        self._clock = clock
        self._shown: dict[str, tuple[float, int]] = {}
        """Time of the last logged line per message, and repetitions since."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not super().filter(record):
            return True  # from another logger
        message, now = str(record.msg), self._clock()
        at, left_out = self._shown.get(message, (-PERIOD_SECONDS, 0))
        if now - at < PERIOD_SECONDS:
            self._shown[message] = (at, left_out + 1)
            return False
        self._shown[message] = (now, 0)
        if left_out:
            record.msg = f"{message} ({left_out} more like this since the last)"
        return True
