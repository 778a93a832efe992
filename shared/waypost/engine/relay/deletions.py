"""Deletes acknowledged rows. With little traffic, rows that are acknowledged within 20 ms are
deleted together: a statement for each takes time from the next row that is read and sent.
"""

import asyncio

from waypost.engine.relay.chunk import Chunk
from waypost.engine.relay.in_flight import InFlight
from waypost.ports.outbox import OutboxLease

GATHER_SECONDS = 0.02
"""After a crash, rows acknowledged in so long a time are published again."""
MANY_ROWS = 200
"""With so many rows in flight, a deletion waits for no others."""


class Deletions:
    """The deletions of one term."""

    def __init__(self, lease: OutboxLease, in_flight: InFlight) -> None:
        self._lease = lease
        self._in_flight = in_flight
        self._gathered: list[Chunk] = []
        self._next: asyncio.Task[None] | None = None
        """The deletion that other chunks may still join."""
        self._running: set[asyncio.Task[None]] = set()

    async def delete(self, chunk: Chunk) -> None:
        """Returns when the chunk's rows are deleted, which they are also if this is cancelled."""
        self._gathered.append(chunk)
        if self._next is None:
            self._next = asyncio.create_task(self._delete_gathered())
            self._running.add(self._next)
            self._next.add_done_callback(self._ended)
        await asyncio.shield(self._next)

    def _ended(self, deletion: asyncio.Task[None]) -> None:
        self._running.discard(deletion)
        if not deletion.cancelled():
            deletion.exception()  # retrieved, so that asyncio does not report it as lost if no chunk waits for it

    async def finish(self) -> None:
        """Waits for the deletions that have begun."""
        if self._running:
            await asyncio.wait(self._running)

    async def _delete_gathered(self) -> None:
        if len(self._in_flight.ids) < MANY_ROWS:
            await self._gather()
        self._next, chunks = None, self._gathered
        self._gathered = []
        await self._lease.delete([row for chunk in chunks for row in chunk.rows])

    async def _gather(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
