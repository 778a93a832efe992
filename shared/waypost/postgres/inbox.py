"""The inbox of one consumer on PostgreSQL, inside one open transaction."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.ids import EventId
from waypost.ports.inbox import ConsumerPosition, InboxEntry
from waypost.ports.subscription import Partition
from waypost.postgres.sql import Sql
from waypost.postgres.versions import Versions

POSITION_COLUMNS = "next_offset, topic_id, last_record, starts"

_POSITION = f"""
select {POSITION_COLUMNS} from consumer_offsets where consumer = $1 and topic = $2 and partition = $3"""

_COUNT_START = f"""
insert into consumer_offsets (consumer, topic, partition, starts) values ($1, $2, $3, 1)
on conflict (consumer, topic, partition) do update set starts = consumer_offsets.starts + 1
returning {POSITION_COLUMNS}"""

_RESET_POSITION = """
insert into consumer_offsets (consumer, topic, partition, topic_id) values ($1, $2, $3, $4)
on conflict (consumer, topic, partition) do update set
    topic_id = excluded.topic_id, next_offset = 0, last_record = null, starts = 0"""

_STORE_TOPIC_ID = """
insert into consumer_offsets (consumer, topic, partition, topic_id) values ($1, $2, $3, $4)
on conflict (consumer, topic, partition) do update set topic_id = coalesce(consumer_offsets.topic_id, excluded.topic_id)"""

# Its row lock separates a stale owner from its successor: after the wait the stale owner finds
# another offset and updates no row.
_FENCE = """
update consumer_offsets set next_offset = $5, starts = $6, last_record = $8
where consumer = $1 and topic = $2 and partition = $3 and next_offset = $4 and topic_id is not distinct from $7"""

_CLAIM = """
insert into processed_messages (consumer, event_id, tenant_id, topic, partition, kafka_offset)
select $1, event_id, tenant_id, $2, $3, kafka_offset
from unnest($4::uuid[], $5::uuid[], $6::bigint[]) as entry (event_id, tenant_id, kafka_offset)
on conflict do nothing
returning event_id"""

_RELEASE = "delete from processed_messages where consumer = $1 and event_id = any ($2::uuid[])"


class PostgresInbox:
    """`waypost.ports.inbox.Inbox`."""

    def __init__(
        self, connection: AsyncConnection, consumer: str, versions: Versions, *, is_repeatable: bool = False
    ) -> None:
        """With `is_repeatable`, an event that was claimed before may be claimed again."""
        self._connection = connection
        self._sql = Sql(connection)
        self._consumer = consumer
        self._versions = versions
        self._is_repeatable = is_repeatable

    async def consumer_position(self, partition: Partition) -> ConsumerPosition:
        row = await self._sql.fetchrow(_POSITION, self._consumer, partition.topic, partition.number)
        return ConsumerPosition(**row) if row else ConsumerPosition(next_offset=0, topic_id=None, starts=0)

    async def count_batch_start(self, partition: Partition) -> ConsumerPosition:
        (row,) = await self._sql.fetch(_COUNT_START, self._consumer, partition.topic, partition.number)
        return ConsumerPosition(**row)

    async def reset_position(self, partition: Partition, topic_id: UUID | None) -> None:
        await self._sql.execute(_RESET_POSITION, self._consumer, partition.topic, partition.number, topic_id)

    async def store_topic_id(self, partition: Partition, topic_id: UUID) -> None:
        await self._sql.execute(_STORE_TOPIC_ID, self._consumer, partition.topic, partition.number, topic_id)

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
        position = (partition.topic, partition.number, expected, next_offset, starts, topic_id, last_record)
        moved: str = await self._sql.execute(_FENCE, self._consumer, *position)
        return moved == "UPDATE 1"

    async def claim(self, partition: Partition, entries: Sequence[InboxEntry]) -> frozenset[EventId]:
        if not entries:
            return frozenset()
        ids, tenants, offsets, _ = zip(*entries, strict=True)
        rows = await self._sql.fetch(_CLAIM, self._consumer, partition.topic, partition.number, ids, tenants, offsets)
        if self._is_repeatable or len(rows) == len(ids):
            return frozenset(ids)
        return frozenset(EventId(row["event_id"]) for row in rows)

    async def release(self, event_ids: Sequence[EventId]) -> None:
        await self._sql.execute(_RELEASE, self._consumer, event_ids)

    async def versions(self, topic: str, aggregates: Iterable[UUID]) -> Mapping[UUID, int]:
        return await self._versions.read(self._connection, topic, aggregates)

    async def advance(self, topic: str, versions: Mapping[UUID, int]) -> None:
        await self._versions.advance(self._connection, topic, versions)
