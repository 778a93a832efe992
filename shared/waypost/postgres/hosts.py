"""Connects to one of the servers of a DSN. With the DSN
`postgresql://user:password@first:5432,second:5432/name?target_session_attrs=read-write` a client
reaches the server that accepts writes, also after a promotion.
"""

from typing import Any
from urllib.parse import urlsplit

import asyncpg

from waypost.postgres.driver_failures import is_transient


async def connect(dsn: str, *, timeout: float, **options: Any) -> asyncpg.Connection:
    """Tries the servers in turn; each has its share of the time. asyncpg would spend all of it on a
    first server that does not answer, and never reach the promoted standby. Raises the error of the
    last server.
    """
    *others, last = dsn_of_each_host(dsn)
    share = timeout / (len(others) + 1)
    for server in others:
        try:
            return await asyncpg.connect(server, timeout=share, **options)
        except Exception as error:
            if not is_transient(error):
                raise
    try:
        return await asyncpg.connect(last, timeout=share, **options)
    except asyncpg.TargetServerAttributeNotMatched as error:
        # A ConnectionError is transient also through SQLAlchemy: a promotion takes a moment.
        raise ConnectionError(f"no server of the DSN accepts the session: {error}") from error


def dsn_of_each_host(dsn: str) -> list[str]:
    """One DSN for each host, with the same parameters."""
    parts = urlsplit(dsn)
    account, separator, hosts = parts.netloc.rpartition("@")
    return [parts._replace(netloc=f"{account}{separator}{host}").geturl() for host in hosts.split(",")]
