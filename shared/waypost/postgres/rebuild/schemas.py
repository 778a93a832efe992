"""The schemas of a rebuild: the names of schemas and consumers, and the lock that allows one change
of schemas at a time.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.ports.rebuild import RebuildRuns
from waypost.postgres.database import Database
from waypost.postgres.schema_locks import SCHEMA_LOCK

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
        return f"{self.live}~new"

    @property
    def new_schema(self) -> str:
        return f"{self.schema}_new"

    @property
    def old_schema(self) -> str:
        """The previous schema, kept after a swap for inspection. The next swap replaces it."""
        return f"{self.schema}_old"


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
