"""One session for a command that only reads."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from waypost.postgres.direct import COMMAND_SECONDS, CONNECT_SECONDS, close_directly
from waypost.postgres.driver_failures import driver_error_as_transient
from waypost.postgres.hosts import connect
from waypost.postgres.reads import Statements


class ReadSession:
    """`waypost.postgres.reads.Reads`. Its transactions are read-only."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def fetch(self, statement: str, *arguments: object) -> Sequence[asyncpg.Record]:
        async with self.statements() as sql:
            return await sql.fetch(statement, *arguments)

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[Statements]:
        with driver_error_as_transient():
            async with self._connection.transaction(readonly=True):
                yield self._connection


@asynccontextmanager
async def read_session(
    dsn: str, *, application_name: str, command_seconds: float | None = COMMAND_SECONDS
) -> AsyncIterator[ReadSession]:
    """Raises Transient if the database does not answer."""
    with driver_error_as_transient():
        connection = await connect(
            dsn,
            timeout=CONNECT_SECONDS,
            command_timeout=command_seconds,
            server_settings={"application_name": application_name},
        )
    try:
        yield ReadSession(connection)
    finally:
        await close_directly(connection)
