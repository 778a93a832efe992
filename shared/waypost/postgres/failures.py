"""Which database errors may go away by themselves (SQLSTATE classes of PostgreSQL, appendix A)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from waypost.kernel.errors import Transient
from waypost.kernel.tenant import NoTenantBound

_TRANSIENT_CLASSES = ("08", "25", "40", "53", "57", "58")
_TRANSIENT_STATES = ("55P03",)


def sqlstate(error: BaseException) -> str | None:
    """The five characters PostgreSQL gave, from a driver's error or from SQLAlchemy's wrapping of one."""
    original = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(original, "sqlstate", None)
    return state if isinstance(state, str) else None


def is_transient(error: BaseException) -> bool:
    """Whether the same work, begun again on another connection, may succeed."""
    state = sqlstate(error)
    if state is not None:
        return state.startswith(_TRANSIENT_CLASSES) or state in _TRANSIENT_STATES
    lost = (PoolTimeout, InterfaceError, asyncpg.InterfaceError, OSError, TimeoutError)
    return isinstance(error, lost) or (isinstance(error, DBAPIError) and error.connection_invalidated)


_ROW_OF_ANOTHER_TENANT = re.compile(r"new row violates row-level security policy for table \"([^\"]+)\"")


@contextmanager
def as_tenant_error() -> Iterator[None]:
    """Turns a row that row-level security refused into NoTenantBound; everything else goes through unchanged."""
    try:
        yield
    except (DBAPIError, asyncpg.InsufficientPrivilegeError) as error:
        refused = _ROW_OF_ANOTHER_TENANT.search(str(error))
        if refused is None:
            raise
        raise NoTenantBound(
            f"a row for table {refused[1]} names a tenant that this work is not bound to: take tenant_id from the"
            " command or the event, or bind its tenant with `bound_tenants(...)`",
            table=refused[1],
        ) from error


@contextmanager
def as_transient() -> Iterator[None]:
    """Turns the database's passing failures into Transient; everything else goes through unchanged."""
    try:
        yield
    except Exception as error:
        if isinstance(error, Transient) or not is_transient(error):
            raise
        raise Transient(f"the database is not available: {error}", sqlstate=sqlstate(error)) from error
