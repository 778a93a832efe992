"""The worker's own session, for claims and leases.

It is not of the pool: handlers that use every pooled connection must not delay the renewal of their
leases. Its plans read the indexes of jobs in order, row by row. With the statistics of a queue that
was empty a moment ago, the planner prefers to read and sort every due job for each claim, or to
read the whole table once and look for the claimed jobs in it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from waypost.postgres.direct import close_directly, connect_directly
from waypost.postgres.failures import as_transient

_AVOIDED = ("sort", "bitmapscan", "seqscan", "hashjoin", "mergejoin", "memoize")
PLANS = {f"enable_{each}": "off" for each in _AVOIDED} | {"plan_cache_mode": "force_generic_plan", "jit": "off"}


class WorkerSession:
    """Opened at first use, and again after an error. Each statement commits by itself, and is bound
    to no tenant.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._turn = asyncio.Lock()
        self._connection: asyncpg.Connection | None = None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncpg.Connection]:
        """Raises Transient as `Database.transaction` does."""
        async with self._turn:
            with as_transient():
                if self._connection is None or self._connection.is_closed():
                    self._connection = await connect_directly(self._dsn, application_name="job-worker", **PLANS)
                try:
                    yield self._connection
                except BaseException:
                    self._connection.terminate()  # its statement may still wait for the server's answer
                    raise

    async def close(self) -> None:
        if self._connection is not None:
            await close_directly(self._connection)
