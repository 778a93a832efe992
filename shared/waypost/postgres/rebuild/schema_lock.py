"""The lock that allows one change of schemas at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text

from waypost.ports.rebuild import RebuildRuns
from waypost.postgres.database import Database
from waypost.postgres.migrate import SCHEMA_LOCK


@asynccontextmanager
async def schema_lock(owner: Database) -> AsyncIterator[None]:
    """Holds the lock of migrations and rebuilds. The lock ends with its session, and so with this
    process. Raises RebuildRuns if another process holds it.
    """
    async with owner.engine.connect() as connection:
        connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        acquired = await connection.scalar(text("select pg_try_advisory_lock(:lock)"), {"lock": SCHEMA_LOCK})
        if not acquired:
            raise RebuildRuns(
                "a migration or another rebuild is changing this database; repeat the command after it has ended"
            )
        try:
            yield
        finally:
            await connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": SCHEMA_LOCK})
