"""Recognizes a connection pooler, such as PgBouncer, between a client and PostgreSQL.

A pooler that gives each transaction another session would move a lock, a LISTEN or a prepared
statement to a client that does not know of it. Every connection of the toolkit therefore ends at
PostgreSQL itself, and one through a pooler is refused when it is opened.
"""

from urllib.parse import urlsplit

import asyncpg

from waypost.postgres.refused_sessions import SessionRefused, place_of
from waypost.project import variable

_UNSUPPORTED = "unsupported startup parameter"
"""The beginning of PgBouncer's answer to a client that sets `search_path`."""


class PoolerRefused(SessionRefused):
    """The address of the database is that of a connection pooler."""


async def refuse_pooler(connection: asyncpg.Connection, dsn: str, *, timeout: float) -> None:
    """Raises PoolerRefused, and ends the connection, if another process answers than the one that
    opened the session. PostgreSQL names that process in the key for cancellations. A pooler that
    moves sessions between clients makes a key for each client, or gives none; the driver then
    reports process 0.

    One message of the simple query protocol: a pooler may give the messages of a prepared statement
    to two servers. The protocol's driver drops rows and raises errors, so a difference divides by
    zero.
    """
    try:
        await connection.execute(
            f"select 1 / (pg_backend_pid() = {connection.get_server_pid():d})::int", timeout=timeout
        )
    except asyncpg.DivisionByZeroError as error:
        connection.terminate()
        raise _refused(dsn) from error
    except BaseException:
        connection.terminate()
        raise


def refuse_answer_of_pooler(error: BaseException, dsn: str) -> None:
    """Raises PoolerRefused if a pooler refused the session."""
    if isinstance(error, asyncpg.ProtocolViolationError) and _UNSUPPORTED in str(error):
        raise _refused(dsn) from error


def _refused(dsn: str) -> PoolerRefused:
    place = place_of(dsn)
    return PoolerRefused(
        f"{place} is a connection pooler, such as PgBouncer, or a proxy that replaces the cancellation key, and not"
        " PostgreSQL. Locks, LISTEN, prepared statements and the search path belong to one session. Set"
        f" {variable('APP_DSN')} and the other DSNs to the address of PostgreSQL itself (role {urlsplit(dsn).username})."
        f" Each process has its own pool, whose size is {variable('POOL_SIZE')}",
        place=place,
    )
