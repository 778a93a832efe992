"""What an error means for a job."""

from waypost.kernel.errors import ConcurrencyConflict, Permanent, Poison, Refused, Unavailable, WaypostError
from waypost.kernel.text import storable

_FINAL = (Permanent, Poison, Refused)

LONGEST_ERROR = 2_000
"""Characters."""


def is_final(error: Exception) -> bool:
    """Whether the next attempt would end the same way. A refusal would; a lost race is run again."""
    return isinstance(error, _FINAL) and not isinstance(error, ConcurrencyConflict)


def at_least_seconds(error: Exception) -> float:
    """How long the one who was not available asked us to wait."""
    return error.retry_after.total_seconds() if isinstance(error, Unavailable) else 0.0


def for_operators(error: Exception) -> str:
    return _kept(f"{type(error).__name__}: {error}")


def for_tenant(error: Exception) -> str:
    """Our own errors are worded for people; any other may tell what is not theirs to know."""
    return _kept(str(error)) if isinstance(error, WaypostError) else "The job failed for a reason on our side."


def _kept(message: str) -> str:
    """An error that cannot be written down would never end its job."""
    return storable(message)[:LONGEST_ERROR]
