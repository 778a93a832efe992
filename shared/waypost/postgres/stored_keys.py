"""Reads the table of the keys of people as records of their topic. Requires the owner, the only
role that reads the keys of all tenants.
"""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import asyncpg
from sqlalchemy import text

from waypost.kernel.cause import Cause
from waypost.kernel.cloudevents import to_headers, to_metadata
from waypost.kernel.envelope import Envelope
from waypost.kernel.ids import TenantId
from waypost.kernel.partitioner import shard_for
from waypost.ports.broker import OutgoingRecord
from waypost.ports.codec import EventCodec
from waypost.ports.person_keys import PersonKeyEvents
from waypost.ports.stored_records import StoredRecord
from waypost.postgres.database import Database
from waypost.postgres.failures import as_transient
from waypost.postgres.person_keys import created_event, destroyed_event
from waypost.postgres.sql import Sql
from waypost.postgres.stored_records import PostgresStoredRecords

_COUNT = text("select count(*) from person_keys")

_NEXT_KEYS = """
select tenant_id, person_id, key, changed_at from person_keys
where (tenant_id, person_id) > ($1, $2) and (key is null) = $3 order by tenant_id, person_id limit $4"""

_FIRST = UUID(int=0)


class PostgresStoredKeys(PostgresStoredRecords):
    """`waypost.ports.stored_records.StoredRecords` of the topic of keys: one record per person, of
    a key or of its destruction. Its records have no versions, so that a run publishes all of them;
    consumers skip the known ones.
    """

    def __init__(self, owner: Database, service: str, events: PersonKeyEvents, codec: EventCodec) -> None:
        super().__init__(owner, events.created.topic)
        self._service = service
        self._events = events
        self._codec = codec

    async def count(self) -> int:
        async with self._owner.transaction() as connection:
            return int(await connection.scalar(_COUNT) or 0)

    async def all(self, size: int) -> AsyncIterator[Sequence[StoredRecord]]:
        """The destroyed keys come last: a key that is destroyed while its record is being published
        gets its mark after it. A key of a transaction that commits later is in the outbox, which
        the relay publishes. Each read is a separate transaction.
        """
        async with self._standbys() as standbys:
            for destroyed in (False, True):
                after = _FIRST, _FIRST
                while rows := await self._next_keys(after, size, destroyed=destroyed):
                    with as_transient():
                        await standbys.until_confirmed()
                    yield [self._of_key(row) for row in rows]
                    after = rows[-1]["tenant_id"], rows[-1]["person_id"]

    async def _next_keys(self, after: tuple[UUID, UUID], size: int, *, destroyed: bool) -> Sequence[asyncpg.Record]:
        async with self._owner.transaction() as connection:
            return await Sql(connection).fetch(_NEXT_KEYS, *after, destroyed, size)

    def _of_key(self, row: asyncpg.Record) -> StoredRecord:
        tenant_id, person_id = TenantId(UUID(int=row["tenant_id"].int)), UUID(int=row["person_id"].int)
        if row["key"] is None:
            event, event_id, _ = destroyed_event(self._events, tenant_id, person_id, row["changed_at"])
        else:
            event, event_id, _ = created_event(self._events, tenant_id, person_id, row["key"], row["changed_at"])
        envelope = Envelope(
            event=event,
            event_id=event_id,
            tenant_id=tenant_id,
            aggregate_id=person_id,
            aggregate_version=0,
            occurred_at=row["changed_at"],
            source=f"/services/{self._service}",
            cause=Cause(correlation_id=event_id, causation_id=event_id),
        )
        key = str(person_id).encode()
        record = OutgoingRecord(
            topic=event.topic,
            shard=shard_for(key),
            key=key,
            value=self._codec.encode(event).payload,
            headers=to_headers(to_metadata(envelope)),
            timestamp_ms=int(row["changed_at"].timestamp() * 1000),
        )
        return StoredRecord(1, record)
