"""The facts of an error that a dead letter stores: class, message, location, and whether a retry
may help.
"""

import hashlib
import traceback
from pathlib import Path

from waypost.engine.retry.frames import location_of, tail_of
from waypost.kernel.errors import ConcurrencyConflict, NotYet, Permanent, Poison, Transient, Unavailable, WaypostError
from waypost.ports.dead_letters import Failure

LONGEST_ERROR = 2000
"""Limit of stored characters of a message."""

NON_RETRYABLE: tuple[type[Exception], ...] = (Permanent, Poison)
"""The same work would fail again: the dead letter is dead at once."""

RETRYABLE: tuple[type[WaypostError], ...] = (Transient, Unavailable, ConcurrencyConflict)
"""Not the record's fault: the same work may succeed later."""

PROCESS_DIED = Failure(
    error_class="ProcessDied", error="the process ended each time this record was handled", fingerprint="ProcessDied"
)


def failure_of(error: BaseException) -> Failure:
    """The facts of the error. Whether it is retryable is decided here, while the exception and its
    base classes are known.
    """
    return Failure(
        error_class=type(error).__name__,
        error=_message(error)[:LONGEST_ERROR],
        fingerprint=_fingerprint(error),
        retryable=not isinstance(error, NON_RETRYABLE),
        awaits_topic=isinstance(error, NotYet),
        location=location_of(error),
        traceback=tail_of(error),
    )


def ends_a_wait(before: Failure | None, now: Failure) -> bool:
    """Whether a wait for another topic has ended. Waiting uses no attempts, so attempts are counted
    from here.
    """
    return before is not None and before.awaits_topic and not now.awaits_topic


def _message(error: BaseException) -> str:
    """The message of the error. An error in `__str__` must not prevent the dead letter."""
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001 - `__str__` is code of the handler or of a library
        return f"(its text raised {type(second).__name__})"


def _fingerprint(error: BaseException) -> str:
    """A hash of class, file and function of the innermost frame; without line numbers, so that it
    survives edits.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else ""
    return hashlib.sha256(f"{type(error).__name__}|{place}".encode()).hexdigest()[:16]
