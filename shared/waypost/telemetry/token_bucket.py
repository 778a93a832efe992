"""Limits of what a process records per second."""

import math
import time
from collections.abc import Callable


class TokenBucket:
    """A token bucket that holds the grants of one second, so that the first ones after a quiet
    second are never refused.
    """

    def __init__(self, per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.change(per_second)

    def change(self, per_second: float) -> None:
        """Starts again with another limit. Below 1 it is one grant in several seconds."""
        self._per_second = per_second
        self._tokens: float = math.ceil(per_second)
        self._filled_at = self._clock()

    def grant(self, wanted: int = 1) -> int:
        """Returns how many of the wanted grants the limit allows now, and counts them."""
        now = self._clock()
        refilled = self._tokens + (now - self._filled_at) * self._per_second
        self._tokens = min(math.ceil(self._per_second), refilled)
        self._filled_at = now
        granted = min(wanted, int(self._tokens))
        self._tokens -= granted
        return granted
