"""A pool of connections with one role to one service's database."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import asyncpg
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from waypost.kernel.errors import Misconfigured, Transient
from waypost.kernel.ids import TenantId
from waypost.postgres.failures import as_tenant_error, as_transient, is_lost
from waypost.postgres.projection_schema import search_path
from waypost.postgres.sql import driver, raw_connection
from waypost.postgres.tenancy import bound_transaction, refuse_unsafe_role

Purpose = Literal["requests", "jobs"]

_POOLED = "pooled"
"""Key in the `info` of a connection that a transaction has used before."""


class Database:
    """Transactions of one process on one pool. By default `api` has 20 connections, `worker` and
    `jobs` have 5.
    """

    def __init__(
        self,
        dsn: str,
        *,
        application_name: str,
        pool_size: int,
        schemas: Sequence[str] = (),
        pool_timeout_seconds: float = 5.0,
    ) -> None:
        self.dsn = dsn
        self._purpose: Purpose | None = None
        self.engine: AsyncEngine = create_async_engine(
            make_url(dsn).set(drivername="postgresql+asyncpg"),
            isolation_level="AUTOCOMMIT",  # `transaction` begins and commits: one round trip each
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout_seconds,
            # Error messages are logged, and the parameters may contain a password hash or an
            # address.
            hide_parameters=True,
            connect_args={
                "timeout": pool_timeout_seconds,
                "server_settings": {"application_name": application_name, "search_path": search_path(schemas)},
            },
        )

    def reserve(self, purpose: Purpose) -> None:
        """Reserves the pool for one purpose, at start. Raises Misconfigured if the pool has another
        purpose.
        """
        if self._purpose not in (None, purpose):
            raise Misconfigured(
                f"the pool of this process is reserved for {self._purpose}; {purpose} would use up its"
                " connections: if every job waits for a slow query, no request would be answered. "
                f"Run {purpose} in a separate process with its own Database"
            )
        self._purpose = purpose

    @asynccontextmanager
    async def transaction(self, tenants: Iterable[TenantId] = ()) -> AsyncIterator[AsyncConnection]:
        """Opens a transaction bound to these tenants. Commits at the end of the block, rolls back
        on an error.

        A transaction without tenants reads no tenant's rows. Raises Transient if no connection is
        available or the connection is lost. Raises NoTenantBound for a row of a tenant that is not
        bound.
        """
        with as_transient(), as_tenant_error():
            connection = await self._begin(bound_transaction(tenants))
            try:
                yield connection
                await _commit(connection)
            except BaseException:
                await _end_failed(connection)
                raise
            finally:
                await connection.close()

    async def _begin(self, statements: str) -> AsyncConnection:
        """Executes the first statements of a transaction. A connection that died in the pool fails
        at them. No work is lost: uses the next connection. The error of a new connection is final.
        """
        while True:
            connection = await self.engine.connect()
            assert connection.sync_connection is not None  # noqa: S101 - it is connected
            info = connection.sync_connection.info
            pooled, info[_POOLED] = _POOLED in info, True
            try:
                return await _execute_first(connection, statements)
            except Exception as error:
                if not pooled or not is_lost(error):
                    raise

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[asyncpg.Connection]:
        """The driver's connection outside a transaction, bound to no tenant. Each statement commits
        by itself.

        One round trip instead of four, for internal statements on a latency-critical path. Raises
        Transient like `transaction`.
        """
        with as_transient():
            while True:
                async with self.engine.connect() as connection:
                    raw = raw_connection(connection)
                    if raw.is_closed():  # it died in the pool
                        await connection.invalidate()
                        continue
                    try:
                        yield raw
                    except asyncio.CancelledError:
                        await connection.invalidate()  # its statement may still wait for the server's answer
                        raise
                    return

    async def fetch(self, statement: str, *arguments: object) -> Sequence[asyncpg.Record]:
        """One query on tables without tenants, or with a role that reads all tenants. Raises
        Transient like `transaction`.
        """
        async with self.transaction() as connection:
            rows: Sequence[asyncpg.Record] = await driver(connection).fetch(statement, *arguments)
        return rows

    async def is_reachable(self) -> bool:
        try:
            async with self.transaction():
                return True
        except Transient:
            return False

    async def verify(self) -> None:
        """The startup check. Raises Misconfigured for a role that bypasses row-level security,
        Transient if the database does not answer.
        """
        async with self.transaction() as connection:
            await refuse_unsafe_role(connection)

    async def close(self) -> None:
        await self.engine.dispose()


async def _execute_first(connection: AsyncConnection, statements: str) -> AsyncConnection:
    """Removes the connection from the pool after an error."""
    try:
        await raw_connection(connection).execute(statements)
    except BaseException:
        await connection.invalidate()  # not close() alone, which keeps it in the pool
        await connection.close()
        raise
    return connection


async def _commit(connection: AsyncConnection) -> None:
    """Raises an error if the commit rolled back. The server answers ROLLBACK without an error to
    the commit of a failed transaction. A caller that ignored the statement's own error would
    believe that its transaction committed.
    """
    raw = raw_connection(connection)
    if raw.is_in_transaction() and await raw.execute("commit") == "ROLLBACK":
        raise asyncpg.InFailedSQLTransactionError(
            "the commit rolled back, because the code ignored an error of an earlier statement"
        )


async def _end_failed(connection: AsyncConnection) -> None:
    """Rolls back, so that the pool receives a connection without a transaction. Removes the
    connection from the pool if that fails.
    """
    if connection.invalidated:
        return
    try:
        raw = raw_connection(connection)
        if raw.is_closed():
            await connection.invalidate()
        elif raw.is_in_transaction():
            await raw.execute("rollback")
    except BaseException as error:
        await connection.invalidate()
        if not isinstance(error, Exception):
            raise
