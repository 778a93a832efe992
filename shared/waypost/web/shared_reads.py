"""One query at a time for all requests that wait: their number does not load the database."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextvars import Context
from typing import Generic, TypeVar

from waypost.kernel.errors import Transient, Unavailable

K = TypeVar("K")
V = TypeVar("V")

INTERVAL_SECONDS = 0.02
"""The shortest time between the begins of two queries."""
AT_ONCE = 500
"""The most keys of one query."""


class SharedReads(Generic[K, V]):
    """Reads the keys of several callers with one query. Used by one event loop."""

    def __init__(
        self, read: Callable[[Collection[K]], Awaitable[Mapping[K, V]]], *, interval_seconds: float = INTERVAL_SECONDS
    ) -> None:
        """`read` returns the values of the keys that have one; it holds no connection then."""
        self._read = read
        self._interval_seconds = interval_seconds
        self._next: _Batch[K, V] | None = None
        self._running: asyncio.Task[None] | None = None
        self._due = float("-inf")

    async def read(self, keys: Collection[K]) -> Mapping[K, V]:
        """The values of the keys that have one, read after this call; empty while the database is
        unavailable. Raises another error of the query.
        """
        if not keys:
            return {}
        batch = self._next = self._next or _Batch()
        batch.keys.update(keys)
        if self._running is None or self._running.done():
            # In its own context: the query belongs to several requests.
            self._running = asyncio.create_task(self._run(), name="shared reads", context=Context())
        found = await asyncio.shield(batch.found)  # the end of one caller must not end the others
        return {key: found[key] for key in keys if key in found}

    async def _run(self) -> None:
        now = asyncio.get_running_loop().time
        while self._next is not None:
            await asyncio.sleep(self._due - now())
            batch, self._next, began = self._next, None, now()
            try:
                batch.found.set_result(await self._read_all(list(batch.keys)))
            except BaseException as error:
                batch.fail(error)
                if not isinstance(error, Exception):
                    raise
            finally:
                # As long a pause as a slow query took, so that the database has other work to do.
                self._due = max(began + self._interval_seconds, 2 * now() - began)

    async def _read_all(self, keys: Collection[K]) -> Mapping[K, V]:
        ordered, found = list(keys), dict[K, V]()
        with contextlib.suppress(Transient, Unavailable):
            for start in range(0, len(ordered), AT_ONCE):
                found |= await self._read(ordered[start : start + AT_ONCE])
        return found


class _Batch(Generic[K, V]):
    def __init__(self) -> None:
        self.keys: set[K] = set()
        self.found: asyncio.Future[Mapping[K, V]] = asyncio.get_running_loop().create_future()

    def fail(self, error: BaseException) -> None:
        if isinstance(error, Exception):
            self.found.set_exception(error)
            self.found.exception()  # read here, in case all callers have left
        else:
            self.found.cancel()
