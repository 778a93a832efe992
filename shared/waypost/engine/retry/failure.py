"""Errors as facts of a dead letter: class, message, location, and whether a retry may help."""

import hashlib
import traceback
from pathlib import Path

from waypost.engine.retry.frames import location_of, tail_of
from waypost.kernel.errors import ConcurrencyConflict, NotYet, Permanent, Poison, Transient, Unavailable, WaypostError
from waypost.ports.dead_letters import Failure

LONGEST_ERROR = 2000
"""Characters of a message that are kept."""

NON_RETRYABLE: tuple[type[Exception], ...] = (Permanent, Poison)
"""The same work would raise these again: the dead letter is dead at once."""

RETRYABLE: tuple[type[WaypostError], ...] = (Transient, Unavailable, ConcurrencyConflict)
"""These are not the record's fault: at another moment the same work may succeed."""

PROCESS_DIED = Failure(
    error_class="ProcessDied", error="the process ended whenever this record was handled", fingerprint="ProcessDied"
)


def failure_of(error: BaseException) -> Failure:
    """The error as facts that can be stored. Only here is the object at hand, so only here are its
    base classes known.
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
    """Waiting uses up no tries: those of another fault begin after it."""
    return before is not None and before.awaits_topic and not now.awaits_topic


def _message(error: BaseException) -> str:
    """An error whose text cannot be made must not prevent its dead letter."""
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001 - `__str__` is code of the handler or of a library
        return f"(its text raised {type(second).__name__})"


def _fingerprint(error: BaseException) -> str:
    """Class, file and function of the innermost frame; no line number, so that it survives an edit
    above it.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else ""
    return hashlib.sha256(f"{type(error).__name__}|{place}".encode()).hexdigest()[:16]
