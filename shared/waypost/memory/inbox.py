"""The in-memory inbox of one consumer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from waypost.kernel.ids import EventId
from waypost.memory.database import MemoryTransaction
from waypost.ports.inbox import ConsumerPosition, InboxEntry
from waypost.ports.subscription import Partition

_NEVER_SEEN = ConsumerPosition(next_offset=0, topic_id=None, starts=0)


class MemoryInbox:
    """`waypost.ports.inbox.Inbox` inside one open transaction."""

    def __init__(self, transaction: MemoryTransaction, consumer: str) -> None:
        self._tables = transaction.tables
        self._consumer = consumer

    async def consumer_position(self, partition: Partition) -> ConsumerPosition:
        return self._tables.positions.get((self._consumer, partition), _NEVER_SEEN)

    async def count_batch_start(self, partition: Partition) -> ConsumerPosition:
        consumer_position = await self._locked(partition)
        return self._store(partition, replace(consumer_position, starts=consumer_position.starts + 1))

    async def reset_position(self, partition: Partition, topic_id: UUID | None) -> None:
        await self._locked(partition)
        self._store(partition, ConsumerPosition(next_offset=0, topic_id=topic_id, starts=0))

    async def store_topic_id(self, partition: Partition, topic_id: UUID) -> None:
        consumer_position = await self._locked(partition)
        self._store(partition, replace(consumer_position, topic_id=consumer_position.topic_id or topic_id))

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
        consumer_position = await self._locked(partition)
        if (self._consumer, partition) not in self._tables.positions or (
            consumer_position.next_offset,
            consumer_position.topic_id,
        ) != (
            expected,
            topic_id,
        ):
            return False
        moved = replace(consumer_position, next_offset=next_offset, last_record=last_record, starts=starts)
        self._store(partition, moved)
        return True

    async def claim(self, partition: Partition, entries: Sequence[InboxEntry]) -> frozenset[EventId]:
        fresh = {entry.event_id for entry in entries if (self._consumer, entry.event_id) not in self._tables.claimed}
        for event_id in sorted(fresh):
            await self._tables.claimed.lock((self._consumer, event_id))
        fresh = {event_id for event_id in fresh if (self._consumer, event_id) not in self._tables.claimed}
        self._tables.claimed.update(dict.fromkeys((self._consumer, event_id) for event_id in fresh))
        return frozenset(fresh)

    async def release(self, event_ids: Sequence[EventId]) -> None:
        for event_id in event_ids:
            self._tables.claimed.pop((self._consumer, event_id), None)

    async def versions(self, topic: str, aggregates: Iterable[UUID]) -> Mapping[UUID, int]:
        known = ((aggregate, self._tables.versions.get((self._consumer, topic, aggregate))) for aggregate in aggregates)
        return {aggregate: version for aggregate, version in known if version is not None}

    async def advance(self, topic: str, versions: Mapping[UUID, int]) -> None:
        for aggregate, version in sorted(versions.items()):
            key = (self._consumer, topic, aggregate)
            await self._tables.versions.lock(key)
            self._tables.versions[key] = max(version, self._tables.versions.get(key, 0))

    async def _locked(self, partition: Partition) -> ConsumerPosition:
        await self._tables.positions.lock((self._consumer, partition))
        return await self.consumer_position(partition)

    def _store(self, partition: Partition, consumer_position: ConsumerPosition) -> ConsumerPosition:
        self._tables.positions[self._consumer, partition] = consumer_position
        return consumer_position
