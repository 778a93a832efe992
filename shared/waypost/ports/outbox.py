"""The relay's side of the outbox. The unit of work writes rows; the relay leases shards, and reads
and deletes their rows.

A row stays until its record was acknowledged. All rows of a key are in one shard, and one lease at
a time holds a shard.
"""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol


class PendingRow(NamedTuple):
    """A record to publish. A tuple, because several hundred thousand are created per second."""

    shard: int
    id: int
    """Grows with the version for rows of one key; ids of different keys have no order."""
    topic: str
    key: bytes
    payload: bytes
    headers: str
    """JSON object of name and value, in wire order."""
    created_ms: int
    """Unix time in milliseconds at which the event was stored."""

    @property
    def created_at(self) -> datetime:
        return datetime.fromtimestamp(self.created_ms / 1000, UTC)


ShardTopic = tuple[int, str]
"""The rows of one topic in one shard: the smallest part of the outbox that can be held back without
a change of order.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Pending rows of all shards, without those of quarantined keys."""

    pending: int
    """Rows. From 1,000 on an estimate, which includes the rows of quarantined keys."""
    oldest_at: datetime | None
    """Creation time of the oldest of the rows at the heads of the shards."""
    quarantined_keys: int
    now: datetime
    """The database's clock, for comparison with `oldest_at`."""


class OutboxLease(Protocol):
    """Shards held by the lease's locking session. When the session is lost, so are all shards:
    every method raises Transient from then on.
    """

    async def end_silent_relays(self) -> int:
        """Ends the sessions of relays that were silent for 3 s, because a frozen process would hold
        its shards without limit. Returns the number of relays that hold or want shards, this one
        included.
        """
        ...

    async def acquire(self, shards: Collection[int], *, at_most: int) -> frozenset[int]:
        """Acquires up to `at_most` free ones of these shards, without waiting."""
        ...

    async def release(self, shards: Collection[int]) -> None:
        """Releases shards. None of their rows may be in flight."""
        ...

    async def read_pending(
        self,
        shards: Collection[int],
        *,
        in_flight: Collection[int],
        held: Collection[ShardTopic],
        rows_per_shard: int,
        bytes_per_shard: int,
    ) -> Sequence[PendingRow]:
        """The first rows of each shard by id, read from its head, without those `in_flight` (ids).

        Skips rows of quarantined keys and the held ones; they stay stored. Each shard returns at
        least one row, however large. If a row of a key is returned, every earlier row of that key
        is returned too, is `in_flight`, or has been deleted.
        """
        ...

    def put_back(self, rows: Sequence[PendingRow]) -> None:
        """States that rows which were in flight are to be read again. Called before they leave
        `in_flight`.
        """
        ...

    async def delete(self, rows: Sequence[PendingRow]) -> int:
        """Deletes acknowledged rows on the session that holds their shards, so that only the owner
        deletes. Returns how many existed.
        """
        ...

    async def quarantine_key(self, row: PendingRow, reason: str) -> bool:
        """Quarantines the row's key: its rows stay and are skipped until an operator releases the
        key. None of them may be in flight.

        False, without a change, if the row is gone, its key is quarantined already, or another
        lease holds its shard.
        """
        ...


class Outbox(Protocol):
    """Opens leases and measures the backlog."""

    def lease(self) -> AbstractAsyncContextManager[OutboxLease]:
        """Opens a lease that holds no shards yet. Leaving the block releases its shards. Raises
        Transient if the database is unavailable.
        """
        ...

    async def backlog(self) -> Backlog:
        """Measures the backlog, without a lease: the backlog matters most while nothing can be
        published. Raises Transient.
        """
        ...
