"""Exponential backoff with jitter."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential with a limit and jitter. The default spreads five attempts over about three
    minutes.
    """

    first_seconds: float = 2.0
    factor: float = 4.0
    max_seconds: float = 600.0
    jitter: float = 0.25
    """Maximum share by which a pause is shortened or extended."""

    def seconds(self, failures: int) -> float:
        """The pause after this number of failures in a row, at least one."""
        growths = min(failures - 1, 64)  # the limit is reached by then; an unbounded power overflows
        wait = min(self.first_seconds * self.factor**growths, self.max_seconds)
        return wait * random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 - no secret


DEFAULT_BACKOFF = Backoff()

OUTAGE_BACKOFF = Backoff(first_seconds=0.1, factor=2.0, max_seconds=5.0)
"""For work that needs something that may be unavailable for a while."""
