"""Connects to one of the servers of a DSN. With the DSN
`postgresql://user:password@first:5432,second:5432/name?target_session_attrs=read-write` a client
reaches the server that accepts writes, also after a promotion. A connection pooler is refused.
"""

import socket
import time
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from waypost.postgres import keepalive
from waypost.postgres.driver_failures import is_transient_driver_error
from waypost.postgres.poolers import refuse_answer_of_pooler, refuse_pooler
from waypost.postgres.refused_sessions import raise_refusal

DEAD_PEER_OPTIONS = {
    getattr(socket, name): value
    for name, value in {
        "TCP_KEEPIDLE": keepalive.IDLE_SECONDS,
        "TCP_KEEPINTVL": keepalive.INTERVAL_SECONDS,
        "TCP_KEEPCNT": keepalive.PROBES,
        "TCP_USER_TIMEOUT": keepalive.UNACKNOWLEDGED_SECONDS * 1000,  # in milliseconds
    }.items()
    if hasattr(socket, name)  # not on every operating system
}

_first: dict[str, int] = {}
"""By DSN, the number of the server to try first: the one after a server that failed, also where the
caller gave up. A probe of one second has no time for a server that does not answer.
"""


async def connect(dsn: str, *, timeout: float, **options: Any) -> asyncpg.Connection:
    """Tries the servers in turn; each has its share of the time, and one that failed is tried last
    from then on. asyncpg would spend all of the time on a first server that does not answer, and
    never reach the promoted standby. Raises the error of the last server, and SessionRefused for an
    error that no retry ends, such as a wrong password or a connection pooler.
    """
    servers = dsn_of_each_host(dsn)
    first = _first.get(dsn, 0)
    *others, last = servers[first:] + servers[:first]
    share = timeout / len(servers)
    for server in others:
        try:
            return await _open(server, timeout=share, **options)
        except BaseException as error:
            _first[dsn] = (servers.index(server) + 1) % len(servers)
            if not is_transient_driver_error(error):
                raise
    try:
        return await _open(last, timeout=share, **options)
    except asyncpg.TargetServerAttributeNotMatched as error:
        # A ConnectionError is transient also through SQLAlchemy: a promotion takes a moment.
        raise ConnectionError(f"no server of the DSN accepts the session: {error}") from error


async def _open(server: str, *, timeout: float, **options: Any) -> asyncpg.Connection:
    """Also ends a session whose server's machine does not answer for 11 s, however long its
    statement may take: a migration has no time limit. asyncpg has no option for it. `timeout`
    includes the check for a pooler.
    """
    ends_at = time.monotonic() + timeout
    try:
        connection: asyncpg.Connection = await asyncpg.connect(server, timeout=timeout, **options)
    except asyncpg.PostgresError as error:
        refuse_answer_of_pooler(error, server)
        raise_refusal(error, server)
        raise
    await refuse_pooler(connection, server, timeout=ends_at - time.monotonic())
    own = socket_of(connection)
    if own.family in (socket.AF_INET, socket.AF_INET6):
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in DEAD_PEER_OPTIONS.items():
            own.setsockopt(socket.IPPROTO_TCP, option, value)
    return connection


def socket_of(connection: asyncpg.Connection) -> Any:
    """The socket of the session, as the transport of the event loop returns it."""
    return connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]


def dsn_of_each_host(dsn: str) -> list[str]:
    """One DSN for each host, with the same parameters."""
    parts = urlsplit(dsn)
    account, separator, hosts = parts.netloc.rpartition("@")
    return [parts._replace(netloc=f"{account}{separator}{host}").geturl() for host in hosts.split(",")]
