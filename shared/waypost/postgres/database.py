"""A pool of connections with one role to one service's database."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import MappingProxyType
from typing import Literal

import asyncpg
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from waypost.kernel.errors import Misconfigured, Transient
from waypost.kernel.ids import TenantId
from waypost.ports.unit_of_work import Precondition
from waypost.postgres.connection_pool import ConnectionPool, PooledConnection, TransactionConnection
from waypost.postgres.failures import as_tenant_error, as_transient, is_lost_connection, is_transient, sqlstate
from waypost.postgres.hosts import connect
from waypost.postgres.projection_schema import search_path
from waypost.postgres.row_writes import CompiledWrites
from waypost.postgres.sql import Sql, open_connection
from waypost.postgres.statement_events import add_statement_events
from waypost.postgres.tenancy import refuse_unsafe_role
from waypost.postgres.transaction_guard import refuse_other_ends
from waypost.postgres.transaction_start import TransactionStart
from waypost.telemetry.statements import statement_event

Purpose = Literal["requests", "jobs"]

COMMAND_SECONDS = 15.0
"""Time limit of a statement and of a commit, for an answer that never comes. The server's own
limits end a slow statement before (`waypost.postgres.provisioning.roles`).
"""

ROLLBACK_SECONDS = 2.0
"""Time limit of the rollback after an error. A server that does not answer ends the session later
by itself.
"""


class Database:
    """Transactions of one process on one pool. By default `api` has 20 connections, `worker` and
    `jobs` have 5. `command_seconds` is None for an owner, whose statements may run long.
    """

    def __init__(
        self,
        dsn: str,
        *,
        application_name: str,
        pool_size: int,
        schemas: Sequence[str] = (),
        pool_timeout_seconds: float = 5.0,
        command_seconds: float | None = COMMAND_SECONDS,
        server_settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.dsn = dsn
        self._purpose: Purpose | None = None
        self._timeout_seconds = pool_timeout_seconds
        self._lost_at = float("-inf")
        """When a pooled connection was last found dead."""
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            isolation_level="AUTOCOMMIT",  # `transaction` begins and commits: one round trip each
            poolclass=NullPool,  # `ConnectionPool` keeps the connections
            # Error messages are logged, and the parameters may contain a password hash or an
            # address.
            hide_parameters=True,
            connect_args={
                "async_creator_fn": partial(connect, dsn),
                "timeout": pool_timeout_seconds,
                "command_timeout": command_seconds,
                "server_settings": {
                    "application_name": application_name,
                    "search_path": search_path(schemas),
                    **server_settings,
                },
            },
        )

        refuse_other_ends(self.engine)
        add_statement_events(self.engine)
        self._writes = CompiledWrites(self.engine.dialect)
        self._pool = ConnectionPool(self.engine, pool_size, timeout_seconds=pool_timeout_seconds)

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
    async def transaction(
        self, tenants: Iterable[TenantId] = (), preconditions: Sequence[Precondition] = ()
    ) -> AsyncIterator[TransactionConnection]:
        """Opens a transaction bound to these tenants. Commits at the end of the block, rolls back
        on an error.

        The preconditions run in the message that begins it: see
        `TransactionConnection.preconditions_passed`. A transaction without tenants reads no
        tenant's rows. Raises Transient if no connection is available, the connection is lost or an
        answer does not come in time; then a commit may have happened. Raises NoTenantBound for a
        row of a tenant that is not bound.
        """
        with as_transient(), as_tenant_error():
            pooled, passed = await self._begin(TransactionStart.of(tenants, preconditions))
            connection = TransactionConnection(self.engine, pooled, self._writes, preconditions_passed=passed)
            try:
                yield connection
                await _commit(connection)
            except BaseException:
                await self._end_failed(pooled)
                raise
            finally:
                connection.end()
                await self._pool.release(pooled)

    async def _end_failed(self, pooled: PooledConnection) -> None:
        """Rolls back, so that the pool receives a connection without a transaction. Ends the
        connection if that fails.
        """
        if not pooled.proxied.is_valid or pooled.driver.is_closed():
            return
        try:
            if pooled.driver.is_in_transaction():
                await pooled.driver.execute("rollback", timeout=ROLLBACK_SECONDS)
        except BaseException as error:
            await self._pool.invalidate(pooled)
            if not isinstance(error, Exception):
                raise

    async def _begin(self, start: TransactionStart) -> tuple[PooledConnection, bool]:
        """Executes the first statements of a transaction, and returns whether its preconditions
        passed. A connection that died in the pool fails at them. No work is lost: uses another one.
        The error of a new connection is final, and so is one of a precondition, such as a wait for
        a lock.
        """
        while True:
            pooled = await self._check_out()
            try:
                with statement_event("begin"):
                    return pooled, await start.execute(pooled.driver, timeout_seconds=self._timeout_seconds)
            except BaseException as error:
                if sqlstate(error) is not None and not is_lost_connection(error):
                    await self._end_failed(pooled)
                    await self._pool.release(pooled)
                    raise
                await self._pool.discard(pooled)
                if pooled.used_at is None or not isinstance(error, Exception) or not is_transient(error):
                    raise
                self._lost_at = time.monotonic()

    async def _check_out(self) -> PooledConnection:
        """A connection. Discards connections that are closed, or were last used before another one
        died.
        """
        while True:
            pooled = await self._pool.acquire()
            if pooled.is_usable and (pooled.used_at is None or pooled.used_at > self._lost_at):
                return pooled
            await self._pool.discard(pooled)

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[asyncpg.Connection]:
        """The driver's connection outside a transaction, bound to no tenant. Each statement commits
        by itself.

        One round trip instead of three, for internal statements on a latency-critical path. Raises
        Transient like `transaction`.
        """
        with as_transient():
            pooled = await self._check_out()
            try:
                yield pooled.driver
            except (asyncio.CancelledError, TimeoutError):
                await self._pool.invalidate(pooled)  # its statement may still wait for the server's answer
                raise
            finally:
                await self._pool.release(pooled)

    async def fetch(self, statement: str, *arguments: object) -> Sequence[asyncpg.Record]:
        """One query on tables without tenants, or with a role that reads all tenants. Raises
        Transient like `transaction`.
        """
        async with self.statements() as sql:
            return await sql.fetch(statement, *arguments)

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[Sql]:
        """`waypost.postgres.reads.Reads`: driver statements in one transaction."""
        async with self.transaction() as connection:
            yield Sql(connection)

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
        await self._pool.close()
        await self.engine.dispose()


async def _commit(connection: TransactionConnection) -> None:
    """Raises an error if the commit rolled back. The server answers ROLLBACK without an error to
    the commit of a failed transaction. A caller that ignored the statement's own error would
    believe that its transaction committed.
    """
    raw = open_connection(connection)
    if not raw.is_in_transaction():
        return
    with statement_event("commit"):
        status = await connection.last_writes.commit(raw)
    if status == "ROLLBACK":
        raise asyncpg.InFailedSQLTransactionError(
            "the commit rolled back, because the code ignored an error of an earlier statement"
        )
