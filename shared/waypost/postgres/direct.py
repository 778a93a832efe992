"""Connections outside the pools, for what belongs to one session: locks, LISTEN, the doorbell's
NOTIFY.
"""

import contextlib

import asyncpg

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 10.0
CLOSE_SECONDS = 1.0


async def connect_directly(dsn: str, *, application_name: str, **settings: str) -> asyncpg.Connection:
    """A session that no pooler may stand before. Its statements give up after 10 s."""
    return await asyncpg.connect(
        dsn,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
        server_settings={"application_name": application_name, **settings},
    )


async def close_directly(connection: asyncpg.Connection) -> None:
    """Says goodbye for a second at most, then cuts the line; never raises."""
    with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await connection.close(timeout=CLOSE_SECONDS)
    if not connection.is_closed():
        connection.terminate()
