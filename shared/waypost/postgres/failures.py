"""Errors of SQLAlchemy's pool and connections: transient ones, and rows of tenants that are not
bound.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from waypost.kernel.errors import Transient
from waypost.kernel.tenant import NoTenantBound
from waypost.postgres.driver_failures import causes, driver_sqlstate, is_transient_driver_error, unavailable
from waypost.telemetry.loop_lag import LOOP_LAG

_TOO_SLOW = ("25P03", "25P04")
"""States of idle_in_transaction_session_timeout and transaction_timeout."""
_SESSION_ENDED = ("08", "57P", "25P")
"""States with which the server ends a session, or refuses a new one."""


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of a driver error, or of SQLAlchemy's wrapper around one. None for other
    errors.
    """
    return driver_sqlstate(_original(error))


def is_transient(error: BaseException) -> bool:
    """True if the same work may succeed on another connection."""
    if isinstance(error, PoolTimeout) or is_transient_driver_error(error):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if sqlstate(error) is not None:
        return is_transient_driver_error(_original(error))
    return isinstance(error, InterfaceError) or error.connection_invalidated


def is_lost_connection(error: BaseException) -> bool:
    """True if the connection is of no use any more, and the same work may succeed on another one.
    False for a statement that the server ended, such as one that waited too long for a lock.
    """
    return is_transient(error) and (sqlstate(error) or "08").startswith(_SESSION_ENDED)


def _original(error: BaseException) -> BaseException:
    """The driver's error below SQLAlchemy's wrapper."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


_ROW_OF_ANOTHER_TENANT = re.compile(r"new row violates row-level security policy for table \"([^\"]+)\"")


@contextmanager
def as_tenant_error() -> Iterator[None]:
    """Turns a row-level security violation into NoTenantBound. Other errors pass unchanged."""
    try:
        yield
    except (DBAPIError, asyncpg.InsufficientPrivilegeError) as error:
        refused = _ROW_OF_ANOTHER_TENANT.search(str(error))
        if refused is None:
            raise
        raise NoTenantBound(
            f"a row for table {refused[1]} has a tenant that this transaction is not bound to: use tenant_id of the"
            " command or the event, or bind the tenant with `bound_tenants(...)`",
            table=refused[1],
        ) from error


@contextmanager
def as_transient() -> Iterator[None]:
    """Turns transient database errors into Transient. Other errors pass unchanged."""
    began = time.monotonic()
    try:
        yield
    except Exception as error:
        if isinstance(error, Transient) or not is_transient(error):
            raise
        raise Transient(_explained(error, began), sqlstate=sqlstate(error)) from error


def _explained(error: Exception, began: float) -> str:
    """The message of the Transient. A transaction that timed out while the process was idle is the
    handler's fault, not an outage.
    """
    too_slow = any(sqlstate(cause) in _TOO_SLOW for cause in causes(error))
    lost = (sqlstate(error) or "08").startswith("08")
    if (too_slow or lost) and (blocked := LOOP_LAG.longest_since(began)):
        return (
            f"the handler blocked the event loop for {blocked:.1f} s, and the database ended its transaction meanwhile ({error});"
            " run blocking calls in a thread (asyncio.to_thread), or use an asynchronous library"
        )
    if too_slow:
        return (
            f"the database ended a transaction that took too long ({error}):"
            " the handler waited for something else inside it; wait before the transaction or in a job"
        )
    return unavailable(error)
