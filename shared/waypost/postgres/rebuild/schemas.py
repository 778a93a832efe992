"""The schemas of a rebuild: the names of schemas and consumers, and the lock that allows one change
of schemas at a time.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from waypost.kernel.errors import Transient
from waypost.ports.rebuild import RebuildRuns
from waypost.postgres.database import Database
from waypost.postgres.failures import as_transient
from waypost.postgres.schema_locks import SCHEMA_LOCK, limit_locks

SHADOW = "~new"
"""End of the name of a shadow consumer."""

REMAINS_IDLE_SECONDS = 30
REMAINS_LOCK_MILLISECONDS = 20_000
"""Longer than each transaction of the application (`transaction_timeout`), which may still read."""

log = structlog.get_logger()

SchemaCheck = Callable[[AsyncConnection], Awaitable[None]]
"""Raises an error if the schemas must not be changed. It runs under the lock, so that no migration
runs between the check and the change.
"""


@dataclass(frozen=True, slots=True)
class Names:
    service: str
    schema: str
    """Schema and name of the projection."""

    @property
    def live(self) -> str:
        """Name of the live consumer in every row."""
        return f"{self.service}.{self.schema}"

    @property
    def shadow(self) -> str:
        return f"{self.live}{SHADOW}"

    @property
    def new_schema(self) -> str:
        return f"{self.schema}_new"

    @property
    def old_schema(self) -> str:
        """The replaced schema, which is dropped right after the swap. Its personal data and keys
        would outlast an erasure.
        """
        return f"{self.schema}_old"


_REMAINS = text(
    """
    select quote_ident(remains.nspname) as schema, live.nspname as projection from pg_namespace as remains join pg_namespace as live
        on remains.nspname in (live.nspname || '_new', live.nspname || '_old')
    where exists (select from pg_class where relnamespace = remains.oid and relname = 'versions')
      and exists (select from pg_class where relnamespace = live.oid and relname = 'versions')
    order by 1
    """
)
_END_THE_READER = "end the transaction that reads them (the oldest xact_start in pg_stat_activity)"
_SHADOW_ROWS = ("consumer_offsets", "processed_messages", "parked_keys", "dead_letters")


async def make_room(connection: AsyncConnection, names: Names) -> None:
    """Removes what a new shadow of this read model must not find, and the remains of all others.
    The caller holds the lock of rebuilds. Raises Transient if a transaction reads such a table for
    long.
    """
    await limit_locks(connection, idle_seconds=REMAINS_IDLE_SECONDS, lock_milliseconds=REMAINS_LOCK_MILLISECONDS)
    try:
        with as_transient():
            await remove_remains(connection, names.service)
    except Transient as error:
        raise Transient(f"the tables of an earlier rebuild cannot be dropped ({error}); {_END_THE_READER}") from error
    await _remove_rows(connection, names)  # also of a schema that was dropped by hand


async def remove_remains(connection: AsyncConnection, service: str) -> None:
    """Drops the schemas that swaps have replaced and those of rebuilds that were killed, of all
    read models, with the rows of their consumers. The caller holds the lock of rebuilds: another
    rebuild would lose its tables.
    """
    for found in (await connection.execute(_REMAINS)).all():
        await connection.exec_driver_sql(f"drop schema {found.schema} cascade")
        await _remove_rows(connection, Names(service, found.projection))


async def remove_remains_or_warn(engine: AsyncEngine, service: str) -> None:
    """`remove_remains` in a transaction that holds the lock. Leaves the remains to a rebuild that
    runs, and only logs if they cannot be dropped.
    """
    with _warns(service):
        async with engine.begin() as connection:
            await limit_locks(
                connection, idle_seconds=REMAINS_IDLE_SECONDS, lock_milliseconds=REMAINS_LOCK_MILLISECONDS
            )
            if await connection.scalar(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": SCHEMA_LOCK}):
                await remove_remains(connection, service)


async def drop_or_warn(locked: AsyncConnection, names: Names) -> None:
    """Drops the new or the replaced tables of one rebuild, and the rows of its shadow.

    Runs in the session of `schema_lock`. If that session has ended, the lock has ended with it, and
    tables of these names may belong to the next rebuild: then nothing is dropped. Only logs if the
    tables cannot be dropped: the next rebuild or migration drops them.
    """
    with _warns(names.service):
        await locked.exec_driver_sql(f"set lock_timeout = '{REMAINS_LOCK_MILLISECONDS}ms'")
        await _remove_rows(locked, names)
        for schema in (names.new_schema, names.old_schema):
            await locked.exec_driver_sql(f"drop schema if exists {schema} cascade")


async def _remove_rows(connection: AsyncConnection, names: Names) -> None:
    for table in _SHADOW_ROWS:
        await connection.execute(text(f"delete from {table} where consumer = :shadow"), {"shadow": names.shadow})


@contextlib.contextmanager
def _warns(service: str) -> Iterator[None]:
    """Logs a Transient, for example because a reader keeps a replaced table locked."""
    try:
        with as_transient():
            yield
    except Transient as error:
        log.warning(
            "replaced_tables_remain",
            service=service,
            error=str(error),
            remedy=(
                f"they contain the data of people until they are dropped. {_END_THE_READER.capitalize()}, then run"
                f" `waypost migrate {service}`"
            ),
        )


@asynccontextmanager
async def schema_lock(owner: Database, check: SchemaCheck | None = None) -> AsyncIterator[AsyncConnection]:
    """Holds the lock of migrations and rebuilds. The lock ends with its session, and so with this
    process. Yields the session. Raises RebuildRuns if another process holds it, and the errors of
    `check`.
    """
    async with owner.engine.connect() as connection:
        connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        acquired = await connection.scalar(text("select pg_try_advisory_lock(:lock)"), {"lock": SCHEMA_LOCK})
        if not acquired:
            raise RebuildRuns(
                "a migration or another rebuild is changing this database; repeat the command after it has ended"
            )
        try:
            if check is not None:
                async with owner.transaction() as checking:
                    await check(checking)
            yield connection
        finally:
            with contextlib.suppress(SQLAlchemyError):  # a lost session has no lock
                await connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": SCHEMA_LOCK})
