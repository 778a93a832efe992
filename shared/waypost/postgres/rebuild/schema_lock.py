"""The lock that allows one change of schemas at a time."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.ports.rebuild import RebuildRuns
from waypost.postgres.database import Database
from waypost.postgres.migrate import SCHEMA_LOCK

SchemaCheck = Callable[[AsyncConnection], Awaitable[None]]
"""Raises an error if the schemas must not be changed. It runs under the lock, so that no migration
runs between the check and the change.
"""


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
            await connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": SCHEMA_LOCK})
