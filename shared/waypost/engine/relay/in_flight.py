"""The chunks that are read and not deleted yet."""

import asyncio
import contextlib
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import dropwhile

from waypost.engine.relay.chunk import Chunk, Lane
from waypost.ports.outbox import ShardTopic

SLOW_SECONDS = 1.0
"""After this time, a chunk's partition is not read and its rows do not count against the limit, so
that a partition without an answer does not hold the others. Not shorter: such a read scans all rows
of the partition that it skips.
"""


class InFlight:
    """Chunks in flight, with the ids and shards of their rows."""

    def __init__(self) -> None:
        self._since: dict[Chunk, float] = {}
        self._shard_of: dict[int, int] = {}
        self._reading: Collection[int] = ()
        self._removed = asyncio.Event()

    def __contains__(self, chunk: Chunk) -> bool:
        return chunk in self._since

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
        """Removes a chunk; returns whether its partition was slow."""
        was_slow = chunk.lane in self._slow_lanes()
        del self._since[chunk]
        for row in chunk.rows:
            del self._shard_of[row.id]
        self._removed.set()
        return was_slow

    def behind(self, chunk: Chunk) -> Sequence[Chunk]:
        """The chunk, and the chunks that wait for it in its lane."""
        since = dropwhile(lambda other: other is not chunk, self._since)
        return [other for other in since if other.lane is chunk.lane and not other.acknowledged]

    def slow_shard_topics(self) -> set[ShardTopic]:
        """Where the rows are of partitions with a chunk that has been in flight for too long."""
        return {shard_topic for lane in self._slow_lanes() for shard_topic in lane.shard_topics}

    def slow_shards(self) -> set[int]:
        """Shards of rows that wait for slow partitions."""
        slow = self._slow_lanes()
        return {row.shard for chunk in self._since if chunk.lane in slow for row in chunk.rows}

    async def until_at_most(self, rows: int) -> None:
        """Waits until no more than these rows are in flight, those of slow partitions not
        counted.
        """
        while self._counted() > rows:
            self._removed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SLOW_SECONDS):
                    await self._removed.wait()

    def _slow_lanes(self) -> set[Lane]:
        slow_since = time.monotonic() - SLOW_SECONDS
        return {chunk.lane for chunk, since in self._since.items() if since <= slow_since}

    def _counted(self) -> int:
        slow = self._slow_lanes()
        return sum(len(chunk.rows) for chunk in self._since if chunk.lane not in slow)
