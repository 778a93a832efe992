"""When an invoice that could not be collected is tried again."""

from datetime import datetime, timedelta

STEPS = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""After the invoice was finalized. Counted from there, so that a customer who tries other cards in
between uses up no step.
"""

PAYMENT_TERM = timedelta(days=14)
"""From finalizing to the date by which an invoice is to be paid."""


def next_attempt_at(finalized_at: datetime, now: datetime) -> datetime | None:
    """The next step after `now`; None where all of them have passed."""
    return next((finalized_at + step for step in STEPS if finalized_at + step > now), None)
