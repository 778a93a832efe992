"""The schemas of a rebuild: the names of schemas and consumers, and the lock that allows one change
of schemas at a time.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.errors import Transient
from waypost.ports.rebuild import RebuildRuns
from waypost.postgres.database import Database
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
_SHADOW_ROWS = ("consumer_offsets", "processed_messages", "parked_keys", "dead_letters")


async def remove_remains(connection: AsyncConnection, service: str) -> None:
    """Drops the schemas that swaps have replaced and those of rebuilds that were killed, of all
    read models, with the rows of their consumers. The caller holds the lock of rebuilds.
    """
    for found in (await connection.execute(_REMAINS)).all():
        await connection.exec_driver_sql(f"drop schema {found.schema} cascade")
        shadow = {"shadow": Names(service, found.projection).shadow}
        for table in _SHADOW_ROWS:
            await connection.execute(text(f"delete from {table} where consumer = :shadow"), shadow)


async def remove_remains_or_warn(owner: Database, service: str) -> None:
    """`remove_remains` in a transaction. If that fails, for example because a reader keeps a
    replaced table locked, only logs it: the next rebuild or migration removes the table.
    """
    try:
        async with owner.transaction() as connection:
            await limit_locks(
                connection, idle_seconds=REMAINS_IDLE_SECONDS, lock_milliseconds=REMAINS_LOCK_MILLISECONDS
            )
            await remove_remains(connection, service)
    except Transient as error:
        log.warning(
            "replaced_tables_remain",
            service=service,
            error=str(error),
            remedy=(
                "they contain the data of people until they are dropped. End the transaction that reads them (the"
                f" oldest xact_start in pg_stat_activity), then run `waypost migrate {service}`"
            ),
        )


@asynccontextmanager
async def schema_lock(owner: Database, check: SchemaCheck | None = None) -> AsyncIterator[None]:
    """Holds the lock of migrations and rebuilds. The lock ends with its session, and so with this
    process. Raises RebuildRuns if another process holds it, and the errors of `check`.
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
            yield
        finally:
            with contextlib.suppress(DBAPIError):  # a lost session has no lock
                await connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": SCHEMA_LOCK})
