"""A pool of connections with one role to one service's database."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import asyncpg
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from waypost.kernel.errors import Misconfigured, Transient
from waypost.kernel.ids import TenantId
from waypost.postgres.failures import as_tenant_error, as_transient, is_transient
from waypost.postgres.projection_schema import search_path
from waypost.postgres.tenancy import BIND, refuse_unsafe_role, setting

Purpose = Literal["requests", "jobs"]

_COMMIT = "COMMIT;"
"""The driver's commit statement."""

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


class _Session(asyncpg.Connection):
    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
        """Raises an error if a commit rolled back. The server answers ROLLBACK without an error to
        the commit of a failed transaction. A caller that ignored the statement's own error would
        believe that its transaction committed.
        """
        status: str = await super().execute(query, *args, timeout=timeout)
        if status == "ROLLBACK" and query == _COMMIT:
            raise asyncpg.InFailedSQLTransactionError(
                "the commit rolled back, because the code ignored an error of an earlier statement"
            )
        return status


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
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout_seconds,
            # Error messages are logged, and the parameters may contain a password hash or an
            # address.
            hide_parameters=True,
            connect_args={
                "timeout": pool_timeout_seconds,
                "connection_class": _Session,
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
        bound = {"tenants": setting(tenants)}
        with as_transient(), as_tenant_error():
            async with self._connection(bound) as connection:
                yield connection
                await connection.commit()

    @asynccontextmanager
    async def _connection(self, bound: dict[str, str]) -> AsyncIterator[AsyncConnection]:
        connection = await self.engine.connect()
        try:
            try:
                await connection.execute(BIND, bound)
            except DBAPIError as error:
                # A connection that died in the pool fails at its first statement. No work is lost:
                # use another connection.
                if not is_transient(error):
                    raise
                await connection.invalidate()  # not close(): its rollback would fail
                await connection.close()
                connection = await self.engine.connect()
                await connection.execute(BIND, bound)
            yield connection
        finally:
            await connection.close()

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
                    raw = await _raw(connection)
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
            rows: Sequence[asyncpg.Record] = await (await driver(connection)).fetch(statement, *arguments)
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


async def driver(connection: AsyncConnection) -> asyncpg.Connection:
    """The driver's connection inside the open transaction, for statements on a hot path.

    SQLAlchemy begins the transaction with its first statement. A driver call before it would commit
    by itself and survive a rollback; this function raises RuntimeError instead.
    """
    raw = await _raw(connection)
    if not raw.is_in_transaction():
        raise RuntimeError("a driver call outside a transaction: open one with Database.transaction first")
    return raw


class Sql:
    """Driver statements inside the open transaction of `connection`. Raises the errors of
    `driver`.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        return await (await driver(self._connection)).fetch(statement, *arguments)

    async def fetchrow(self, statement: str, *arguments: object) -> asyncpg.Record | None:
        return await (await driver(self._connection)).fetchrow(statement, *arguments)

    async def fetchval(self, statement: str, *arguments: object) -> Any:
        return await (await driver(self._connection)).fetchval(statement, *arguments)

    async def execute(self, statement: str, *arguments: object) -> str:
        """Returns the command tag, such as `UPDATE 1`."""
        return await (await driver(self._connection)).execute(statement, *arguments)

    async def executemany(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        await (await driver(self._connection)).executemany(statement, rows)


class NamedSql:
    """A statement with named parameters, such as `NamedSql("select :id::uuid")`, for the driver,
    which supports only `$1`. Quoted text must not contain a colon before a lower-case letter.
    """

    def __init__(self, text: str) -> None:
        self._names = tuple(dict.fromkeys(_PARAMETER.findall(text)))
        self.text = _PARAMETER.sub(lambda found: f"${self._names.index(found[1]) + 1}", text)

    def bind(self, values: Mapping[str, object]) -> tuple[str, *tuple[object, ...]]:
        """The statement and its arguments, for `fetch(*statement.bind(values))`. Raises KeyError
        for a missing name.
        """
        return self.text, *(values[name] for name in self._names)


async def _raw(connection: AsyncConnection) -> asyncpg.Connection:
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, asyncpg.Connection)  # noqa: S101 - every engine uses asyncpg
    return raw
