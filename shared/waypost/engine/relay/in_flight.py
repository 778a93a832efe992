"""The chunks that are read and not deleted yet."""

import asyncio
import contextlib
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from waypost.engine.relay.chunk import Chunk

SLOW_SECONDS = 1.0
"""After this time, a chunk's topic is not read and its rows do not count against the limit, so that
a topic without an answer does not hold the others. Not shorter: such a read scans all rows of the
topic that it skips.
"""


class InFlight:
    """Chunks in flight, with the ids and shards of their rows."""

    def __init__(self) -> None:
        self._since: dict[Chunk, float] = {}
        self._shard_of: dict[int, int] = {}
        self._reading: Collection[int] = ()
        self._settled = asyncio.Event()

    @property
    def ids(self) -> Collection[int]:
        return self._shard_of.keys()

    @property
    def shards(self) -> set[int]:
        """Shards of these rows and of a running read."""
        return {*self._shard_of.values(), *self._reading}

    @contextmanager
    def reading(self, shards: Collection[int]) -> Iterator[None]:
        """Counts these shards as in flight while a statement reads them, so that they are not
        released before its rows are added.
        """
        self._reading = shards
        try:
            yield
        finally:
            self._reading = ()

    def add(self, chunk: Chunk) -> None:
        self._since[chunk] = time.monotonic()
        self._shard_of.update([(row.id, row.shard) for row in chunk.rows])

    def remove(self, chunk: Chunk) -> bool:
        """Removes a chunk; returns whether its topic was slow."""
        was_slow = chunk.topic in self.slow_topics()
        del self._since[chunk]
        for row in chunk.rows:
            del self._shard_of[row.id]
        self._settled.set()
        return was_slow

    def slow_topics(self) -> set[str]:
        """Topics with a chunk that has been in flight for too long."""
        slow_since = time.monotonic() - SLOW_SECONDS
        return {chunk.topic for chunk, since in self._since.items() if since <= slow_since}

    async def until_at_most(self, rows: int) -> None:
        """Waits until no more than these rows are in flight, those of slow topics not counted."""
        while self._counted() > rows:
            self._settled.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SLOW_SECONDS):
                    await self._settled.wait()

    def _counted(self) -> int:
        slow = self.slow_topics()
        return sum(len(chunk.rows) for chunk in self._since if chunk.topic not in slow)
