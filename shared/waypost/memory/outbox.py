"""The in-memory outbox, with faults that a test controls: lost and silent sessions."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count as counter

from waypost.kernel.errors import Transient
from waypost.kernel.partitioner import shard_for
from waypost.ports.outbox import Backlog, PendingRow, ShardTopic


class MemoryOutbox:
    """`waypost.ports.outbox.Outbox`, with methods to write rows in tests."""

    def __init__(self) -> None:
        self.rows: dict[int, PendingRow] = {}
        self.marked: dict[bytes, str] = {}
        self.leases: list[MemoryOutboxLease] = []
        self.deleting = asyncio.Event()
        """A test clears this event to delay deletes."""
        self.deleting.set()
        self._ids = counter(1)

    def next_id(self) -> int:
        """An id for a row of a transaction that is still open."""
        return next(self._ids)

    def add(
        self, topic: str, key: bytes, payload: bytes, *, headers: str = "{}", row_id: int | None = None
    ) -> PendingRow:
        at = int(datetime.now(UTC).timestamp() * 1000)
        row = PendingRow(shard_for(key), row_id or self.next_id(), topic, key, payload, headers, at)
        self.rows[row.id] = row
        return row

    def lose_sessions(self) -> None:
        """Loses every session, as in a restart of the database."""
        for lease in self.leases:
            lease.lost = True
        self.leases.clear()

    @asynccontextmanager
    async def lease(self) -> AsyncIterator["MemoryOutboxLease"]:
        lease = MemoryOutboxLease(self)
        self.leases.append(lease)
        try:
            yield lease
        finally:
            lease.lost = True
            self.leases = [other for other in self.leases if other is not lease]

    async def backlog(self) -> Backlog:
        waiting = [row for row in self.rows.values() if row.key not in self.marked]
        oldest_at = min((row.created_at for row in waiting), default=None)
        return Backlog(
            pending=len(waiting), oldest_at=oldest_at, quarantined_keys=len(self.marked), now=datetime.now(UTC)
        )

    def waiting(self, shard: int) -> Iterator[PendingRow]:
        in_order = sorted(self.rows.values(), key=lambda row: row.id)
        return (row for row in in_order if row.shard == shard and row.key not in self.marked)


class MemoryOutboxLease:
    """`waypost.ports.outbox.OutboxLease`."""

    def __init__(self, outbox: MemoryOutbox) -> None:
        self.held: set[int] = set()
        self.lost = False
        self.silent = False
        """A test sets this flag: the process that holds the lease is frozen."""
        self._outbox = outbox

    async def end_silent_relays(self) -> int:
        await self._alive()
        for lease in self._outbox.leases:
            lease.lost = lease.silent
        self._outbox.leases = [lease for lease in self._outbox.leases if not lease.lost]
        return len(self._outbox.leases)

    async def acquire(self, shards: Collection[int], *, at_most: int) -> frozenset[int]:
        await self._alive()
        held = {shard for lease in self._outbox.leases for shard in lease.held}
        gained = frozenset(sorted(set(shards) - held)[:at_most])
        self.held |= gained
        return gained

    async def release(self, shards: Collection[int]) -> None:
        await self._alive()
        self.held -= set(shards)

    async def read_pending(
        self,
        shards: Collection[int],
        *,
        in_flight: Collection[int],
        held: Collection[ShardTopic],
        rows_per_shard: int,
        bytes_per_shard: int,
    ) -> Sequence[PendingRow]:
        await self._alive()
        skipped = set(in_flight)
        pending: list[PendingRow] = []
        for shard in shards:
            waiting = (
                row
                for row in self._outbox.waiting(shard)
                if row.id not in skipped and (row.shard, row.topic) not in held
            )
            count, size = 0, 0
            for row in waiting:
                if count == rows_per_shard or size >= bytes_per_shard:
                    break
                pending.append(row)
                count, size = count + 1, size + len(row.payload)
        return pending

    def put_back(self, rows: Sequence[PendingRow]) -> None:
        """Nothing to do: every read begins at the head."""

    async def delete(self, rows: Sequence[PendingRow]) -> int:
        await self._outbox.deleting.wait()
        await self._alive()
        return sum(self._outbox.rows.pop(row.id, None) is not None for row in rows)

    async def quarantine_key(self, row: PendingRow, reason: str) -> bool:
        await self._alive()
        held_by_another = any(row.shard in lease.held for lease in self._outbox.leases if lease is not self)
        if row.id not in self._outbox.rows or row.key in self._outbox.marked or held_by_another:
            return False
        self._outbox.marked[row.key] = reason
        return True

    async def _alive(self) -> None:
        await asyncio.sleep(0)
        if self.lost:
            raise Transient("the session with the outbox was lost")
