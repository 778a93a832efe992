"""Connections that stay open. To take one from SQLAlchemy's own pool and return it costs two
greenlets, more than the statements that begin and end a transaction.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy import Connection, PoolProxiedConnection, Row
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError, InvalidRequestError, ResourceClosedError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from waypost.postgres.last_writes import LastWrites
from waypost.postgres.row_writes import CompiledWrites
from waypost.telemetry.statements import statement_event


@dataclass(slots=True, eq=False)
class PooledConnection:
    """A connection to the server, opened through SQLAlchemy."""

    proxied: PoolProxiedConnection
    driver: asyncpg.Connection
    used_at: float | None = None
    """When it was last returned to the pool, in the time of `time.monotonic`; None for a new
    one.
    """

    @property
    def is_usable(self) -> bool:
        """True if it is open and not in a transaction."""
        return self.proxied.is_valid and not self.driver.is_closed() and not self.driver.is_in_transaction()


class TransactionConnection(AsyncConnection):
    """A pooled connection during one transaction. Fails after it, so that a kept reference cannot
    reach the transaction of another request. SQLAlchemy's part exists from its first statement on.
    """

    __slots__ = ("_opened", "_pooled", "_writes", "last_writes", "preconditions_passed")

    def __init__(
        self, engine: AsyncEngine, pooled: PooledConnection, writes: CompiledWrites, *, preconditions_passed: bool
    ) -> None:
        self.engine = engine
        self.sync_engine = engine.sync_engine
        self._writes = writes
        self._pooled: PooledConnection | None = pooled
        self._opened: Connection | None = None
        self.last_writes = LastWrites()
        self.preconditions_passed = preconditions_passed

    @property
    def sync_connection(self) -> Connection | None:  # type: ignore[override] # the base has an attribute
        if self._opened is None and self._pooled is not None:
            self._opened = self._assign_proxied(Connection(self.sync_engine, self._pooled.proxied))
        return self._opened

    @property
    def driver(self) -> asyncpg.Connection:
        """Raises ResourceClosedError after the transaction, and after `close`."""
        if self._pooled is None or (self._opened is not None and self._opened.closed):
            raise ResourceClosedError("the transaction of this connection has ended")
        return self._pooled.driver

    @property
    def in_savepoint(self) -> bool:
        """Whether a block of `begin_nested` is open, so that the last statements may be rolled back
        alone.
        """
        return self._opened is not None and self._opened.in_nested_transaction()

    async def execute(self, statement: Any, parameters: Any = None, **options: Any) -> Any:
        """Executes a statement that only writes rows on the driver; its result has only the row
        count and the primary key of a single row. SQLAlchemy executes every other statement.
        """
        write = None if options else self._writes.find(statement, parameters)
        if write is None:
            return await super().execute(statement, parameters, **options)
        given = [parameters] if isinstance(parameters, dict) else parameters
        rows = [write.arguments(row) for row in given]
        with statement_event(write.text):
            try:
                if len(rows) > 1:
                    await self.driver.executemany(write.text, rows)
                    return WrittenRows()
                if write.generated:
                    key = await self.driver.fetchrow(write.text, *rows[0])
                    return WrittenRows(int(key is not None), partial(write.primary_key, given[0], tuple(key or ())))
                tag = await self.driver.execute(write.text, *rows[0])
                return WrittenRows(int(tag.rpartition(" ")[2]), partial(write.primary_key, given[0], ()))
            except asyncpg.PostgresError as error:
                raise self._as_sqlalchemy_error(error, write.text, parameters) from error

    def end(self) -> None:
        self._pooled = self._opened = None

    def _as_sqlalchemy_error(self, error: asyncpg.PostgresError, text: str, rows: list[Any]) -> Exception:
        """The error that SQLAlchemy raises for this one. Its text contains no values of the row,
        which are in the server's detail: logs and dead letters contain the text of an error.
        """
        dialect = self.sync_engine.dialect
        dbapi = dialect.loaded_dbapi
        kinds = dbapi._asyncpg_error_translate
        kind = next(kinds[base] for base in type(error).__mro__ if base in kinds)
        wrapped: Exception = DBAPIError.instance(
            text, rows, kind(error.args[0], error), dbapi.Error, hide_parameters=True, dialect=dialect
        )
        return wrapped


class WrittenRows(IteratorResult[Any]):
    """The empty result of a write. `rowcount` is -1 for several rows, as in SQLAlchemy."""

    def __init__(self, rowcount: int = -1, primary_key: Callable[[], Row[Any]] | None = None) -> None:
        super().__init__(SimpleResultMetaData(()), iter(()))
        self.rowcount = rowcount
        self._primary_key = primary_key

    @property
    def inserted_primary_key(self) -> Row[Any]:
        """Raises InvalidRequestError for several rows, as SQLAlchemy does."""
        if self._primary_key is None:
            raise InvalidRequestError("only an execution with one row has the primary key of its row")
        return self._primary_key()


class ConnectionPool:
    """At most `size` connections, opened when they are needed. The last one used is used next, so
    that few connections hold prepared statements.
    """

    def __init__(self, engine: AsyncEngine, size: int, *, timeout_seconds: float) -> None:
        self._engine = engine
        self._size = size
        self._timeout_seconds = timeout_seconds
        self._idle: list[PooledConnection] = []
        self._permits = asyncio.Semaphore(size)
        self._is_closed = False

    async def acquire(self) -> PooledConnection:
        """Raises TimeoutError if all connections stay in use, and the errors of a connect."""
        await self._permit()
        try:
            return self._idle.pop() if self._idle else await self._open()
        except BaseException:
            self._permits.release()
            raise

    async def release(self, pooled: PooledConnection) -> None:
        """Makes the connection available, or discards one that cannot be used again."""
        if pooled.is_usable and not self._is_closed:
            pooled.used_at = time.monotonic()
            self._idle.append(pooled)
            self._permits.release()
        else:
            await self.discard(pooled)

    async def discard(self, pooled: PooledConnection) -> None:
        """Ends the connection without a message to the server."""
        try:
            pooled.driver.terminate()
            if pooled.proxied.is_valid:
                await self.invalidate(pooled)
        finally:
            self._permits.release()

    async def invalidate(self, pooled: PooledConnection) -> None:
        """Ends a connection whose statement may still run. The server is asked to cancel the
        statement, which takes two seconds at most. The caller still releases the connection.
        """
        await self._sqlalchemy_connection(pooled).invalidate()

    async def close(self) -> None:
        """Closes the idle connections; those in use are discarded at their release."""
        self._is_closed = True
        while self._idle:
            with contextlib.suppress(Exception):  # a connection that died in the pool
                await self._sqlalchemy_connection(self._idle.pop()).close()

    async def _permit(self) -> None:
        if not self._permits.locked():
            await self._permits.acquire()
            return
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._permits.acquire()
        except TimeoutError as error:
            raise TimeoutError(
                f"all {self._size} connections of the pool were in use for {self._timeout_seconds:g} s"
            ) from error

    async def _open(self) -> PooledConnection:
        proxied = await self._engine.raw_connection()
        driver = proxied.driver_connection
        assert isinstance(driver, asyncpg.Connection)  # noqa: S101 - every engine uses asyncpg
        return PooledConnection(proxied, driver)

    def _sqlalchemy_connection(self, pooled: PooledConnection) -> AsyncConnection:
        return AsyncConnection(self._engine, Connection(self._engine.sync_engine, pooled.proxied))
