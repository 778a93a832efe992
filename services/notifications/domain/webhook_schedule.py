"""When a delivery is tried again, and when an endpoint is paused or disabled."""

import random
from collections.abc import Mapping
from datetime import timedelta

_RETRIES = (5, 60, 5 * 60, 30 * 60, *(hours * 3600 for hours in (1, 3, 6, 10, 14, 18, 20)))
"""Seconds after each failure, 73 hours together."""
MAX_FAILURES = len(_RETRIES) + 1
"""A delivery that has failed so often is given up."""
JITTER = 0.1

MAX_RETRY_AFTER = timedelta(hours=24)
"""An endpoint's `Retry-After` delays a delivery by at most this."""

PAUSE_AFTER = 3
"""After so many batches in a row without any HTTP answer the endpoint is paused, because it is down
for every object. An answer of any status shows that it is not.
"""
_FIRST_PAUSE, _LONGEST_PAUSE = 10, 600

DISABLE_AFTER = timedelta(days=5)
"""An endpoint without a success for so long is disabled, if the delivery has failed this often:"""
DISABLE_AFTER_FAILURES = 5

RETENTION = timedelta(days=30)
"""How long the log of deliveries is stored, from their creation."""


def retry_after(failures: int, asked: timedelta | None) -> timedelta | None:
    """The pause after this number of failures of a delivery, at least what the receiver asked for;
    None if it is given up.
    """
    if failures >= MAX_FAILURES:
        return None
    pause = timedelta(seconds=_RETRIES[failures - 1] * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311
    return max(pause, min(asked, MAX_RETRY_AFTER)) if asked else pause


def pause_of_endpoint(unanswered: int) -> timedelta | None:
    """The pause of the endpoint after so many batches in a row without an answer."""
    if unanswered < PAUSE_AFTER:
        return None
    growths = min(unanswered - PAUSE_AFTER, 10)
    return timedelta(seconds=min(_FIRST_PAUSE * 2**growths, _LONGEST_PAUSE))


def asked_pause(headers: Mapping[str, str]) -> timedelta | None:
    """The seconds of `Retry-After` (RFC 9110, section 10.2.3); its form as a date is ignored,
    because it depends on the receiver's clock.
    """
    text = headers.get("retry-after", "").strip()
    return timedelta(seconds=int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else None
