"""The schedule of repeated charges for an unpaid invoice."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

RETRY_DELAYS = (timedelta(days=1), timedelta(days=3), timedelta(days=5), timedelta(days=7))
"""Times after the first declined charge. They do not count from finalization: an outage or a late
queue may delay the first charge by days.
"""

SHORTEST_PAUSE = timedelta(days=1)
"""Time between a declined step and the next one, if the queue was late."""

PAYMENT_TERM = timedelta(days=14)
"""Time from finalization to the due date."""


def step_key(invoice_id: UUID, due: datetime) -> str:
    """The key of the job that charges the step due at that time: one job per step."""
    return f"{steps_of(invoice_id)}{due.isoformat()}"


def steps_of(invoice_id: UUID) -> str:
    """The beginning of the keys of the invoice's steps."""
    return f"dun-{invoice_id}-"


@dataclass(frozen=True, slots=True, kw_only=True)
class DunningState:
    """The steps of one invoice so far, folded from its declined charges."""

    first_decline_at: datetime | None = None
    scheduled_steps: int = 0
    next_step_at: datetime | None = None

    def next_attempt_at(self, declined_at: datetime) -> datetime | None:
        """The next step after a charge that was declined now; None after the last one.

        A customer who tries other cards before the scheduled step uses no step. A late step delays
        the later ones, so that none is skipped.
        """
        if self.first_decline_at is None:
            return declined_at + RETRY_DELAYS[0]
        if self.next_step_at is not None and declined_at < self.next_step_at:
            return self.next_step_at
        if self.scheduled_steps >= len(RETRY_DELAYS):
            return None
        return max(self.first_decline_at + RETRY_DELAYS[self.scheduled_steps], declined_at + SHORTEST_PAUSE)

    def after(self, declined_at: datetime, next_step_at: datetime | None) -> "DunningState":
        """The state after a recorded decline."""
        is_new = next_step_at is not None and next_step_at != self.next_step_at
        return DunningState(
            first_decline_at=self.first_decline_at or declined_at,
            scheduled_steps=self.scheduled_steps + is_new,
            next_step_at=next_step_at,
        )
