"""One change of schemas at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.ports.rebuild import RebuildRuns
from waypost.postgres.database import Database
from waypost.postgres.migrate import SCHEMA_LOCK
from waypost.postgres.rebuild.names import Names


@asynccontextmanager
async def alone(owner: Database) -> AsyncIterator[None]:
    """Holds the lock of those who change schemas. Its session ends with this process, and the lock
    with it. Raises RebuildRuns.
    """
    async with owner.engine.connect() as connection:
        connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        got = await connection.scalar(text("select pg_try_advisory_lock(:lock)"), {"lock": SCHEMA_LOCK})
        if not got:
            raise RebuildRuns("a migration or another rebuild is changing this database; try again once it has ended")
        try:
            yield
        finally:
            await connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": SCHEMA_LOCK})


async def rename(connection: AsyncConnection, names: Names) -> None:
    """The new tables take the live ones' name. A statement prepared before finds the new ones at
    its next run.
    """
    for renaming in (
        f"drop schema if exists {names.old_schema} cascade",
        f"alter schema {names.schema} rename to {names.old_schema}",
        f"alter schema {names.new_schema} rename to {names.schema}",
    ):
        await connection.exec_driver_sql(renaming)
