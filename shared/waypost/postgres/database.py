"""One role's pool of connections to one service's database."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
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
"""As the driver's transactions spell it."""


class _Session(asyncpg.Connection):
    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
        """The server ends a transaction that has failed with ROLLBACK, and calls that no error.
        Whoever swallowed the statement's own error would take his commit for granted: a consumer
        would move on, an edge would answer.
        """
        status: str = await super().execute(query, *args, timeout=timeout)
        if status == "ROLLBACK" and query == _COMMIT:
            raise asyncpg.InFailedSQLTransactionError(
                "rolled back at its commit: an error of a statement in it was swallowed"
            )
        return status


class Database:
    """Transactions for the work of one process: `api` has 20 connections, `worker` and `jobs` 5
    each.
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
            # An error's message is logged; a statement's values may be a password's hash, or an
            # address.
            hide_parameters=True,
            connect_args={
                "timeout": pool_timeout_seconds,
                "connection_class": _Session,
                "server_settings": {"application_name": application_name, "search_path": search_path(schemas)},
            },
        )

    def reserve(self, purpose: Purpose) -> None:
        """Said by whoever fills a pool, at its start. Raises Misconfigured where it is filled by
        somebody else.
        """
        if self._purpose not in (None, purpose):
            raise Misconfigured(
                f"this process's pool serves {self._purpose} already, and {purpose} would take its connections: while every job waits in a"
                f" slow query, nobody would be answered. Give {purpose} a Database of their own, in a process of their own"
            )
        self._purpose = purpose

    @asynccontextmanager
    async def transaction(self, tenants: Iterable[TenantId] = ()) -> AsyncIterator[AsyncConnection]:
        """A transaction bound to these tenants: commits at the end of the block, rolls back on an
        error.

        Bound to none it sees no tenant's rows. Raises Transient where the database, or a connection
        of the pool, cannot be had or was lost. Raises NoTenantBound for a row of a tenant that is
        not bound.
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
                # A connection that died in the pool is noticed at its first statement. Nothing has
                # been done on it yet: take another.
                if not is_transient(error):
                    raise
                await (
                    connection.invalidate()
                )  # not close: its rollback would fail on the dead line, and there would be no second try
                await connection.close()
                connection = await self.engine.connect()
                await connection.execute(BIND, bound)
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[asyncpg.Connection]:
        """The driver's connection outside of a transaction, bound to no tenant: each statement
        commits by itself.

        One turn to the server where a transaction takes four; for plumbing whose delay is felt.
        Raises Transient like `transaction`.
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
        """One read of what is no tenant's, or whose role sees all of them. Raises Transient like
        `transaction`.
        """
        async with self.transaction() as connection:
            rows: Sequence[asyncpg.Record] = await (await driver(connection)).fetch(statement, *arguments)
        return rows

    async def answers(self) -> bool:
        try:
            async with self.transaction():
                return True
        except Transient:
            return False

    async def verify(self) -> None:
        """The boot check. Raises Misconfigured for a role that could see other tenants' rows,
        Transient where there is no database.
        """
        async with self.transaction() as connection:
            await refuse_unsafe_role(connection)

    async def close(self) -> None:
        await self.engine.dispose()


async def driver(connection: AsyncConnection) -> asyncpg.Connection:
    """The driver's connection inside the open transaction, for statements where every microsecond
    counts.

    SQLAlchemy begins lazily: a raw call before any statement of its own would commit by itself and
    survive a rollback. Raises RuntimeError then.
    """
    raw = await _raw(connection)
    if not raw.is_in_transaction():
        raise RuntimeError("a raw call outside the transaction: begin through Database.transaction first")
    return raw


class Sql:
    """Statements of the driver inside the open transaction of `connection`. Raises what `driver`
    raises.
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
        """Gives the command tag, as in `UPDATE 1`."""
        return await (await driver(self._connection)).execute(statement, *arguments)

    async def executemany(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        await (await driver(self._connection)).executemany(statement, rows)


async def _raw(connection: AsyncConnection) -> asyncpg.Connection:
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, asyncpg.Connection)  # noqa: S101 - no other driver is ever asked for
    return raw
