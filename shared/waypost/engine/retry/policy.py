"""Limits and pauses of retries."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from waypost.kernel.backoff import Backoff
from waypost.ports.dead_letters import Failure, Status

PAUSES = Backoff(first_seconds=1.0, factor=2.0, most_seconds=60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    max_attempts: int = 5
    pauses: Backoff = PAUSES
    max_redrives: int = 5
    """Redrives by operators; at the limit the record stays dead."""
    alarm_after: int = 10
    """After this number of attempts, a wait for another topic's row is logged as an error."""

    def verdict(self, failure: Failure, attempts: int, now: datetime) -> tuple[Status, datetime | None]:
        """The status and time of the next attempt after failure number `attempts`; (DEAD, None)
        without one.
        """
        if failure.awaits_topic or (failure.retryable and attempts < self.max_attempts):
            return Status.RETRYING, now + timedelta(seconds=self.pauses.seconds(attempts))
        return Status.DEAD, None
