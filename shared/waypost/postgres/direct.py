"""Connections outside the pools, for session state: locks, LISTEN and NOTIFY."""

import contextlib

import asyncpg

from waypost.postgres.hosts import connect

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 10.0
CLOSE_SECONDS = 1.0


async def connect_directly(dsn: str, *, application_name: str, **settings: str) -> asyncpg.Connection:
    """Opens a session. It must not go through a connection pooler. Its statements time out after 10
    s.
    """
    return await connect(
        dsn,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
        server_settings={"application_name": application_name, **settings},
    )


async def close_directly(connection: asyncpg.Connection) -> None:
    """Closes the session; terminates it if that takes longer than one second. Never raises."""
    with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await connection.close(timeout=CLOSE_SECONDS)
    if not connection.is_closed():
        connection.terminate()
