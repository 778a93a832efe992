"""How often, and how far apart."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.engine.retry.failure import HOPELESS, waits_for_another_topic
from shared.ports.dead_letters import Failure, Status

_HOPELESS = frozenset(kind.__name__ for kind in HOPELESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    tries: int = 5
    first_seconds: float = 1.0
    ceiling_seconds: float = 60.0
    jitter: float = 0.2
    """Share of a pause that is left to chance, so that what failed together is not tried together."""
    max_redrives: int = 5
    """By operators; then a letter stays dead, whatever the filter finds."""
    alarm_after: int = 10
    """Tries of what waits for another topic's row."""

    def pause_seconds(self, attempts: int) -> float:
        """Before the next try, after so many."""
        pause = min(self.first_seconds * 2.0 ** min(attempts - 1, 32), self.ceiling_seconds)
        return pause * (1 - self.jitter * random.random())  # noqa: S311 - spreads load, keeps no secret

    def verdict(self, failure: Failure, attempts: int, now: datetime) -> tuple[Status, datetime | None]:
        """What becomes of a letter after this failure, its `attempts`-th."""
        if waits_for_another_topic(failure) or (attempts < self.tries and failure.error_class not in _HOPELESS):
            return Status.RETRYING, now + timedelta(seconds=self.pause_seconds(attempts))
        return Status.DEAD, None
