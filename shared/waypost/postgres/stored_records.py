"""Reads the event store as records. Requires the owner, the only role that reads the events of all
tenants.
"""

import json
from collections.abc import AsyncIterator, Sequence

import asyncpg
from sqlalchemy import text

from waypost.kernel.cloudevents import in_order, to_headers
from waypost.kernel.partitioner import shard_for
from waypost.ports.broker import OutgoingRecord
from waypost.ports.stored_records import StoredRecord
from waypost.postgres.database import Database
from waypost.postgres.outbox.standbys import Standbys
from waypost.postgres.sql import driver

_COUNT = text("select count(*) from events where aggregate_type = :aggregate_type")

# One statement reads one snapshot, which contains all earlier versions of each aggregate, in order.
_ALL = """
select version, aggregate_id, payload, metadata::text as metadata, occurred_at from events
where aggregate_type = $1 order by position"""


class PostgresStoredRecords:
    """`waypost.ports.stored_records.StoredRecords`. `topic` is `<service>.<aggregate>` of the
    owner's service.
    """

    def __init__(self, owner: Database, topic: str) -> None:
        self._owner = owner
        self._topic = topic
        self._aggregate_type = topic.partition(".")[2]

    async def count(self) -> int:
        async with self._owner.transaction() as connection:
            return int(await connection.scalar(_COUNT, {"aggregate_type": self._aggregate_type}) or 0)

    async def all(self, size: int) -> AsyncIterator[Sequence[StoredRecord]]:
        async with self._owner.transaction() as connection:
            standbys = await Standbys.of(driver(connection))
            cursor = await driver(connection).cursor(_ALL, self._aggregate_type)
            while rows := await cursor.fetch(size):
                await standbys.until_confirmed()
                yield [self._stored(row) for row in rows]

    def _stored(self, row: asyncpg.Record) -> StoredRecord:
        key = str(row["aggregate_id"]).encode()
        record = OutgoingRecord(
            topic=self._topic,
            shard=shard_for(key),
            key=key,
            value=row["payload"],
            headers=to_headers(in_order(json.loads(row["metadata"]))),
            timestamp_ms=int(row["occurred_at"].timestamp() * 1000),
        )
        return StoredRecord(row["version"], record)
