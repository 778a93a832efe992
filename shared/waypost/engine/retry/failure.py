"""An error as it is kept, and what its class says about trying again."""

import hashlib
import traceback
from pathlib import Path

from waypost.kernel.errors import ConcurrencyConflict, NotYet, Permanent, Poison, Transient, Unavailable, WaypostError
from waypost.ports.dead_letters import Failure

LONGEST_ERROR = 2000
"""Characters of a message that are kept."""

NON_RETRYABLE: tuple[type[Exception], ...] = (Permanent, Poison)
"""Kinds that the same work would raise again: dead at once."""

RETRYABLE: tuple[type[WaypostError], ...] = (Transient, Unavailable, ConcurrencyConflict)
"""Kinds that are nobody's fault: at another moment the same work may succeed."""

PROCESS_DIED = Failure(
    error_class="ProcessDied", error="the process ended whenever this record was handled", fingerprint="ProcessDied"
)

_NOT_YET = NotYet.__name__


def failure_of(error: BaseException) -> Failure:
    """Fit to be stored: class, message, and a fingerprint of the place that raised it."""
    return Failure(
        error_class=type(error).__name__,
        error=str(error)[:LONGEST_ERROR],
        fingerprint=_fingerprint(error),
    )


def waits_for_another_topic(failure: Failure) -> bool:
    """NotYet is no fault: it is tried without end, and alarms when it takes long."""
    return failure.error_class == _NOT_YET


def ends_a_wait(before: Failure | None, now: Failure) -> bool:
    """Waiting uses up no tries: those of another fault begin after it."""
    return before is not None and waits_for_another_topic(before) and not waits_for_another_topic(now)


def _fingerprint(error: BaseException) -> str:
    """Class, file and function of the innermost frame; no line number, so that it survives an edit above it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else ""
    return hashlib.sha256(f"{type(error).__name__}|{place}".encode()).hexdigest()[:16]
