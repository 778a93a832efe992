"""Where one consumer stands, and what it has taken in already."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from waypost.kernel.ids import EventId, TenantId
from waypost.ports.subscription import Partition


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerPosition:
    """The authority on where a consumer goes on in a partition."""

    next_offset: int
    topic_id: UUID | None
    """The topic that the offset is of; another id is another topic under the same name."""
    starts: int
    """How often the first batch was begun since one was last finished: more than once means that it
    ended the process.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """A record whose headers are believed."""

    event_id: EventId
    tenant_id: TenantId
    offset: int
    sequence: int | None = None
    """Without one no guard knows the event again: the claim alone does."""


class Inbox(Protocol):
    """One consumer's, inside one open transaction: a rollback forgets everything."""

    async def consumer_position(self, partition: Partition) -> ConsumerPosition:
        """Offset 0 for a partition never seen."""
        ...

    async def count_start(self, partition: Partition) -> ConsumerPosition:
        """Raises `starts` by one; the first call for a partition makes its row."""
        ...

    async def start_over(self, partition: Partition, topic_id: UUID | None) -> None:
        """Offset 0 of the topic with this id: it was made anew, and the claim and the guard absorb
        what was seen before.
        """
        ...

    async def adopt(self, partition: Partition, topic_id: UUID) -> None:
        """Notes the id of a topic that has none yet."""
        ...

    async def fence(
        self, partition: Partition, *, expected: int, next_offset: int, topic_id: UUID | None, starts: int = 0
    ) -> bool:
        """Moves on from `expected` in the topic with this id; False, and nothing is moved, when the
        consumer stands elsewhere by now. The first statement of a transaction: it keeps every other
        taker of the partition out until the end.
        """
        ...

    async def claim(self, partition: Partition, entries: Sequence[InboxEntry]) -> frozenset[EventId]:
        """Those never claimed before. Waits for another transaction that has claimed one of them
        and is not at its end.
        """
        ...

    async def versions(self, topic: str, aggregates: Iterable[UUID]) -> Mapping[UUID, int]:
        """The highest version handled in order, of those that have one."""
        ...

    async def advance(self, topic: str, versions: Mapping[UUID, int]) -> None:
        """Raises them; a lower version than the one known changes nothing."""
        ...
