"""Classification and text of a job's error."""

from waypost.engine.retry import MAX_ERROR_LENGTH, PAUSES, WAITING_PAUSES, WITHOUT_ATTEMPTS, RetryPolicy
from waypost.jobs.claim import Claim
from waypost.jobs.declaration import Job
from waypost.kernel.errors import (
    ConcurrencyConflict,
    Misconfigured,
    NewerSchema,
    NotYet,
    Permanent,
    Poison,
    Refused,
    Unavailable,
    WaypostError,
)
from waypost.kernel.text import storable
from waypost.telemetry.redaction import clean

_FINAL = (Permanent, Poison, Refused)

_PASSING = (ConcurrencyConflict, NewerSchema)
"""Subclasses of final errors after which a later execution may succeed."""

ALARM_AFTER = RetryPolicy().alarm_after
"""After this number of outages of a job, each further one is logged as an error."""


def is_final(error: Exception) -> bool:
    """Whether the next execution would fail the same way. True for a refusal, except for a lost
    optimistic race; false for an event of a newer release, whose process will run the job.
    """
    return isinstance(error, _FINAL) and not isinstance(error, _PASSING)


def is_outage(error: Exception, job: Job) -> bool:
    """Whether the execution uses no attempt, because the job waits for something that is down. A
    job that must run only once does not wait.
    """
    return isinstance(error, WITHOUT_ATTEMPTS) and not job.only_once


def pause_seconds(error: Exception, job: Job, claim: Claim) -> float:
    """The pause before the next execution, at least what an unavailable dependency asks for."""
    outage = is_outage(error, job)
    pauses = WAITING_PAUSES if isinstance(error, NotYet) else PAUSES
    pause = pauses.seconds(claim.outages + 1) if outage else job.retry.seconds(claim.attempt)
    return max(pause, error.retry_after.total_seconds()) if isinstance(error, Unavailable) else pause


def for_operators(error: Exception) -> str:
    """The text for operators: class and message."""
    return _stored(f"{type(error).__name__}: {error}")


def for_tenant(error: Exception) -> str:
    """The text for the tenant. Messages of Waypost's errors are written for users; other messages,
    and the messages of wrong settings, may contain internal data.
    """
    is_shown = isinstance(error, WaypostError) and not isinstance(error, Misconfigured)
    return _stored(str(error)) if is_shown else "The job failed for a reason on our side."


def _stored(message: str) -> str:
    """The message in storable form, without secrets: an error that cannot be stored would prevent
    the end of its job.
    """
    return clean(storable(message))[:MAX_ERROR_LENGTH]
