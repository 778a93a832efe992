"""The error of a session that PostgreSQL, or a proxy in front of it, does not open."""

from urllib.parse import urlsplit

import asyncpg

from waypost.kernel.errors import Misconfigured, Transient
from waypost.postgres.driver_failures import is_transient_driver_error
from waypost.project import variable


class SessionRefused(Transient, Misconfigured):
    """PostgreSQL does not open a session with this address, role, password and database.

    A process that starts ends with it. In a running process no handler is at fault: the work waits,
    as in an outage, until the server or the setting is corrected.
    """

    def __init__(self, message: str = "", *, sqlstate: str | None = None, **facts: object) -> None:
        self.sqlstate = sqlstate
        """The SQLSTATE with which the server refused the session; None if the client refused it."""
        super().__init__(message, **facts)


def raise_refusal(error: asyncpg.PostgresError, dsn: str) -> None:
    """Raises SessionRefused if the server answered a new session with an error that does not pass
    by itself: a wrong password, a missing right or database, an error of a proxy. Such an error is
    never that of the work that needed the session.
    """
    if is_transient_driver_error(error):
        return
    place = place_of(dsn)
    raise SessionRefused(
        f"{place} refused a session of role {urlsplit(dsn).username}: {error}. Correct the role, its password or its"
        f" rights on the server, or set {variable('APP_DSN')} and the other DSNs, and start the process again",
        sqlstate=error.sqlstate,
        place=place,
    ) from error


def place_of(dsn: str) -> str:
    """Host, port and no password."""
    return urlsplit(dsn).netloc.rpartition("@")[2]
