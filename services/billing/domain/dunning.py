"""The schedule of repeated charges for an unpaid invoice."""

from datetime import datetime, timedelta

RETRY_DELAYS = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""Times after finalization. They count from finalization, so that a customer who tries other cards
in between uses no step.
"""

PAYMENT_TERM = timedelta(days=14)
"""Time from finalization to the due date."""


def next_attempt_at(finalized_at: datetime, now: datetime) -> datetime | None:
    """The next step after `now`; None after the last one."""
    return next((finalized_at + step for step in RETRY_DELAYS if finalized_at + step > now), None)
