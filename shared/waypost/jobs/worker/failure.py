"""Classification and text of a job's error."""

from waypost.kernel.errors import ConcurrencyConflict, Permanent, Poison, Refused, Unavailable, WaypostError
from waypost.kernel.text import storable

_FINAL = (Permanent, Poison, Refused)

MAX_ERROR_LENGTH = 2_000
"""Limit in characters."""


def is_final(error: Exception) -> bool:
    """Whether the next attempt would fail the same way. True for a refusal, except for a lost
    optimistic race.
    """
    return isinstance(error, _FINAL) and not isinstance(error, ConcurrencyConflict)


def at_least_seconds(error: Exception) -> float:
    """The minimum pause that an unavailable dependency requested."""
    return error.retry_after.total_seconds() if isinstance(error, Unavailable) else 0.0


def for_operators(error: Exception) -> str:
    """The text for operators: class and message."""
    return _stored(f"{type(error).__name__}: {error}")


def for_tenant(error: Exception) -> str:
    """The text for the tenant. Messages of Waypost's errors are written for users; others may
    contain internal data.
    """
    return _stored(str(error)) if isinstance(error, WaypostError) else "The job failed for a reason on our side."


def _stored(message: str) -> str:
    """The message in storable form: an error that cannot be stored would prevent the end of its
    job.
    """
    return storable(message)[:MAX_ERROR_LENGTH]
