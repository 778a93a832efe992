"""Classifies errors of the driver as transient by SQLSTATE (PostgreSQL, appendix A)."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from waypost.kernel.errors import Transient

_TRANSIENT_CLASSES = ("08", "25", "40", "53", "57", "58")
DEADLOCK_DETECTED = "40P01"
LOCK_NOT_AVAILABLE = "55P03"
"""State of a wait that exceeds lock_timeout."""

# InternalClientError: the driver still reads the message with which the server ended the session.
_LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


def driver_sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of an error of the server. None for other errors."""
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def is_transient_driver_error(error: BaseException) -> bool:
    """True if the same work may succeed on another connection."""
    if any(isinstance(cause, asyncpg.InvalidCachedStatementError) for cause in causes(error)):
        return True  # a migration changed a column's type; the next run prepares the statement again
    state = driver_sqlstate(error)
    if state is not None:
        return state.startswith(_TRANSIENT_CLASSES) or state == LOCK_NOT_AVAILABLE
    return isinstance(error, _LOST)


@contextmanager
def driver_error_as_transient() -> Iterator[None]:
    """Turns transient errors of the driver into Transient. Other errors pass unchanged."""
    try:
        yield
    except Exception as error:
        if isinstance(error, Transient) or not is_transient_driver_error(error):
            raise
        raise Transient(unavailable(error), sqlstate=driver_sqlstate(error)) from error


def unavailable(error: Exception) -> str:
    return f"the database is not available: {str(error) or 'no answer in time'}"


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its chain of causes: a driver raises the lost connection from the server's
    reason.
    """
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
