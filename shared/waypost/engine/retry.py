"""Retries of a failed handler: their policy, and the facts of the error that a dead letter stores:
class, message, location, and whether a retry may help.
"""

import hashlib
import sys
import sysconfig
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import (
    ConcurrencyConflict,
    NewerSchema,
    NotYet,
    Permanent,
    Poison,
    Transient,
    Unavailable,
    WaypostError,
)
from waypost.ports.dead_letters import DeadLetterStatus, Failure
from waypost.telemetry.redaction import clean

PAUSES = Backoff(first_seconds=1.0, factor=2.0, max_seconds=60.0)
RECORD_PAUSES = Backoff(first_seconds=1.0, factor=2.0, max_seconds=20.0)
"""Pauses of a dead letter: with their jitter, its attempts are at most 25 s apart."""
WAITING_PAUSES = Backoff(first_seconds=0.05, factor=3.0, max_seconds=RECORD_PAUSES.max_seconds)
"""Pauses of work that raised `NotYet`. The first is 50 ms, because the row usually arrives within
milliseconds.
"""

MAX_ERROR_LENGTH = 2000
"""Limit of stored characters of a message, of a job's as well."""

NON_RETRYABLE: tuple[type[Exception], ...] = (Permanent, Poison)
"""The same work would fail again: the dead letter is dead at once, unless the failure uses no
attempts.
"""

RETRYABLE: tuple[type[WaypostError], ...] = (Transient, Unavailable, ConcurrencyConflict)
"""Not the record's fault: the same work may succeed later."""

WITHOUT_ATTEMPTS: tuple[type[WaypostError], ...] = (NotYet, Transient, Unavailable, NewerSchema)
"""The work waits for another topic, the end of an outage or a newer release, and uses no attempts.
A conflict does use them: the writer that was first has committed, so the next attempt can succeed.
"""

PROCESS_DIED = Failure(
    error_class="ProcessDied", error="the process ended each time this record was handled", fingerprint="ProcessDied"
)

MAX_FRAMES = 12
"""Limit of stored frames of a traceback."""

MAX_TRACEBACK_LENGTH = 4000
"""Limit of stored characters of a traceback; the innermost frames are kept."""

_INSTALLED = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    max_attempts: int = 5
    pauses: Backoff = RECORD_PAUSES
    waiting_pauses: Backoff = WAITING_PAUSES
    """For work that waits for a row from another topic."""
    max_redrives: int = 5
    """Redrives by operators. At the limit, only a redrive by id beyond the limit attempts it."""
    alarm_after: int = 10
    """After this number of attempts, a failure that uses none is logged as an error."""

    def status_after(self, failure: Failure, attempts: int, now: datetime) -> tuple[DeadLetterStatus, datetime | None]:
        """The status and time of the next attempt after failure number `attempts`; (DEAD, None)
        without one.
        """
        if failure.uses_no_attempt or (failure.retryable and attempts < self.max_attempts):
            pauses = self.waiting_pauses if failure.waits_for_row else self.pauses
            return DeadLetterStatus.RETRYING, now + timedelta(seconds=pauses.seconds(attempts))
        return DeadLetterStatus.DEAD, None


def failure_of(error: BaseException) -> Failure:
    """The facts of the error. Whether it is retryable is decided here, while the exception and its
    base classes are known.
    """
    return Failure(
        error_class=type(error).__name__,
        error=_message(error)[:MAX_ERROR_LENGTH],
        fingerprint=_fingerprint(error),
        retryable=not isinstance(error, NON_RETRYABLE),
        uses_no_attempt=isinstance(error, WITHOUT_ATTEMPTS),
        waits_for_row=isinstance(error, NotYet),
        location=_location_of(error),
        traceback=_tail_of(error),
    )


def attempts_count_from_here(before: Failure | None, now: Failure) -> bool:
    """Whether this failure uses an attempt and the one before used none, so that it is the first
    attempt.
    """
    return before is not None and before.uses_no_attempt and not now.uses_no_attempt


def _message(error: BaseException) -> str:
    """The message of the error without personal data, as far as it can be recognized. An error in
    `__str__` must not prevent the dead letter.
    """
    try:
        return clean(str(error))
    except Exception as second:  # noqa: BLE001 - `__str__` is code of the handler or of a library
        return f"(its text raised {type(second).__name__})"


def _fingerprint(error: BaseException) -> str:
    """A hash of class, file and function of the innermost frame; without line numbers, so that it
    survives edits.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else ""
    return hashlib.sha256(f"{type(error).__name__}|{place}".encode()).hexdigest()[:16]


def _location_of(error: BaseException) -> str | None:
    """File, line and function of the innermost application frame; None for an error that was never
    raised.
    """
    frames = _application_frames(error)
    return _place(frames[-1]) if frames else None


def _tail_of(error: BaseException) -> str | None:
    """The innermost application frames without values, outermost first, each with its source line;
    then the location of the error's cause.
    """
    frames = _application_frames(error)[-MAX_FRAMES:]
    lines = [f"{_place(frame)}\n    {frame.line}" for frame in frames]
    if (cause := error.__cause__) is not None:
        lines.append(f"caused by {type(cause).__name__} at {_location_of(cause) or 'an unknown place'}")
    return "\n".join(lines)[-MAX_TRACEBACK_LENGTH:] or None


def _application_frames(error: BaseException) -> Sequence[traceback.FrameSummary]:
    """Frames outside the interpreter and the installed packages; all frames if there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not frame.filename.startswith(_INSTALLED)] or frames


def _place(frame: traceback.FrameSummary) -> str:
    return f"{_short(frame.filename)}:{frame.lineno} in {frame.name}"


def _short(filename: str) -> str:
    """The file name relative to its import path."""
    roots = [root for root in sys.path if root and Path(filename).is_relative_to(root)]
    return str(Path(filename).relative_to(max(roots, key=len))) if roots else filename
