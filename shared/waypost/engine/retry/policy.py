"""How often, and how far apart."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from waypost.kernel.backoff import Backoff
from waypost.ports.dead_letters import Failure, Status

PAUSES = Backoff(first_seconds=1.0, factor=2.0, most_seconds=60.0)


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
        if failure.awaits_topic or (failure.retryable and attempts < self.tries):
            return Status.RETRYING, now + timedelta(seconds=self.pauses.seconds(attempts))
        return Status.DEAD, None
