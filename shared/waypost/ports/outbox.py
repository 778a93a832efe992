"""The relay's side of the outbox. Rows are written by the unit of work; here they are found, held
and deleted.

A row is there until its record was acknowledged. Every row of one key is in one shard, and one
lease at a time holds a shard.
"""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol


class PendingRow(NamedTuple):
    """A record that is to be published. A tuple, since hundreds of thousands pass in a second or
    two.
    """

    shard: int
    id: int
    """Grows with the version for rows of one key; nothing follows from it between keys."""
    topic: str
    key: bytes
    payload: bytes
    headers: str
    """JSON object of name and value, in the order in which they go on the wire."""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits in all shards, marked keys left out."""

    pending: int
    """Rows; a shard's count stops at 10,000, so that a long backlog is not read to be counted."""
    oldest_at: datetime | None
    """When the row that has waited longest was written."""
    quarantined_keys: int
    now: datetime
    """The database's clock, to compare `oldest_at` with."""


class OutboxLease(Protocol):
    """Shards held by one session. When the session is lost, so is every shard: all methods raise
    Transient from then on.
    """

    async def live_relays(self) -> int:
        """How many relays hold or want shards, this one included.

        Ends the session of any that has been silent for 3 s: a frozen process would keep its shards
        for ever.
        """
        ...

    async def acquire(self, shards: Collection[int], *, at_most: int) -> frozenset[int]:
        """Takes up to `at_most` of these shards that nobody holds, without waiting for any."""
        ...

    async def release(self, shards: Collection[int]) -> None:
        """Gives shards back. Nothing of them may be on its way."""
        ...

    async def heads(
        self,
        shards: Collection[int],
        *,
        in_flight: Collection[int],
        held_topics: Collection[str],
        rows_per_shard: int,
        bytes_per_shard: int,
    ) -> Sequence[PendingRow]:
        """The first rows of each shard by id, from the very first one that is there, without those
        `in_flight` (ids).

        Rows of marked keys and of held topics are passed over; they stay. A shard gives at least
        one row, however large it is. Where a row of a key is given, every earlier one of that key
        is given too, is `in_flight`, or has been deleted.
        """
        ...

    async def delete(self, rows: Sequence[PendingRow]) -> int:
        """Forgets acknowledged rows, on the session that holds their shards, so that only an owner
        deletes. Gives how many were there.
        """
        ...

    async def mark(self, row: PendingRow, reason: str) -> bool:
        """Sets the row's key aside: its rows stay and are passed over until an operator takes the
        mark away.

        False, and nothing done, where the row is gone, its key is marked already, or another lease
        holds its shard.
        """
        ...


class Outbox(Protocol):
    def lease(self) -> AbstractAsyncContextManager[OutboxLease]:
        """A session of its own, which holds no shard yet; its end gives all back. Raises Transient
        where there is no database.
        """
        ...

    async def backlog(self) -> Backlog:
        """Needs no lease: it is asked above all while nothing can be published. Raises Transient."""
        ...
