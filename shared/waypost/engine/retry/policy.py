"""How often, and how far apart."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from waypost.engine.retry.failure import NON_RETRYABLE, waits_for_another_topic
from waypost.kernel.backoff import Backoff
from waypost.ports.dead_letters import Failure, Status

PAUSES = Backoff(first_seconds=1.0, factor=2.0, most_seconds=60.0)
_NON_RETRYABLE = frozenset(kind.__name__ for kind in NON_RETRYABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    tries: int = 5
    pauses: Backoff = PAUSES
    max_redrives: int = 5
    """By operators; then a letter stays dead, whatever the filter finds."""
    alarm_after: int = 10
    """Tries of what waits for another topic's row."""

    def verdict(self, failure: Failure, attempts: int, now: datetime) -> tuple[Status, datetime | None]:
        """What becomes of a letter after this failure, its `attempts`-th."""
        if waits_for_another_topic(failure) or (attempts < self.tries and failure.error_class not in _NON_RETRYABLE):
            return Status.RETRYING, now + timedelta(seconds=self.pauses.seconds(attempts))
        return Status.DEAD, None
