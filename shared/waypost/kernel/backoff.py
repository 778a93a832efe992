"""How long to wait before the next try: longer each time, and never in step with others."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential, capped, with jitter: five tries of the default stretch over about three minutes."""

    first_seconds: float = 2.0
    factor: float = 4.0
    most_seconds: float = 600.0
    jitter: float = 0.25
    """Share of the wait by which it may come out shorter or longer."""

    def seconds(self, failures: int) -> float:
        """The wait after so many failures in a row, one at least."""
        growths = min(failures - 1, 64)  # by then the most is reached; an unbounded power overflows
        wait = min(self.first_seconds * self.factor**growths, self.most_seconds)
        return wait * random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 - no secret


DEFAULT_BACKOFF = Backoff()
