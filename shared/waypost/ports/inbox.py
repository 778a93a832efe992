"""The positions of one consumer, and the events it has processed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from waypost.kernel.ids import EventId, TenantId
from waypost.ports.subscription import Partition


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerPosition:
    """The position of a consumer in one partition. Authoritative; Kafka's committed offset is not
    read.
    """

    next_offset: int
    topic_id: UUID | None
    """Id of the topic that the offset belongs to; a recreated topic has another id."""
    last_record: bytes | None = None
    """Identity of the last record before `next_offset`; None if it is unknown."""
    starts: int
    """Starts of the batch at `next_offset` that did not finish. Counted before the first batch of
    an assignment, and before each record while records are processed one by one. More than one
    means that the batch may have ended the process.
    """


class ReachedPosition(NamedTuple):
    """A position that the consumer has reached."""

    next_offset: int
    last_record: bytes | None
    """As in `ConsumerPosition`."""


class InboxEntry(NamedTuple):
    """The claim of one record with valid headers."""

    event_id: EventId
    tenant_id: TenantId
    offset: int
    sequence: int | None = None
    """Without a sequence, only the claim detects a duplicate."""


class Inbox(Protocol):
    """The inbox of one consumer, inside one open transaction: a rollback undoes everything."""

    async def consumer_position(self, partition: Partition) -> ConsumerPosition:
        """The stored position; offset 0 for a new partition."""
        ...

    async def count_batch_start(self, partition: Partition) -> ConsumerPosition:
        """Increments `starts`; creates the row at the first call for a partition."""
        ...

    async def reset_position(self, partition: Partition, topic_id: UUID | None) -> None:
        """Resets the position to offset 0 of the topic with this id, which was recreated. Claims
        and guard skip records processed before.
        """
        ...

    async def store_topic_id(self, partition: Partition, topic_id: UUID) -> None:
        """Stores the topic id of a position that has none."""
        ...

    async def fence(
        self,
        partition: Partition,
        *,
        expected: int,
        next_offset: int,
        topic_id: UUID | None,
        last_record: bytes | None = None,
        starts: int = 0,
    ) -> bool:
        """Moves the position from `expected` in the topic with this id. `last_record` is the
        identity of the record before `next_offset`.

        False, without a change, if the position has moved. The first statement of a transaction: it
        blocks every other process that consumes the partition until the end.
        """
        ...

    async def claim(self, partition: Partition, entries: Sequence[InboxEntry]) -> frozenset[EventId]:
        """Claims the events; returns the ids that were never claimed before. Waits for an open
        transaction that has claimed one of them.
        """
        ...

    async def release(self, event_ids: Sequence[EventId]) -> None:
        """Undoes claims of this transaction."""
        ...

    async def versions(self, topic: str, aggregates: Iterable[UUID]) -> Mapping[UUID, int]:
        """The highest version handled in order, for aggregates that have one."""
        ...

    async def advance(self, topic: str, versions: Mapping[UUID, int]) -> None:
        """Advances the versions; a lower version changes nothing."""
        ...
