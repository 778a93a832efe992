"""Reads the event store as records. Requires the owner, the only role that reads the events of all
tenants.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import text

from waypost.kernel.cloudevents import in_order, to_headers
from waypost.kernel.partitioner import shard_for
from waypost.ports.broker import OutgoingRecord
from waypost.ports.stored_records import StoredRecord
from waypost.postgres.database import Database
from waypost.postgres.direct import close_directly, connect_directly
from waypost.postgres.failures import as_transient
from waypost.postgres.outbox.standbys import Standbys
from waypost.postgres.sql import Sql
from waypost.postgres.stable_position import stable_position

_COUNT = text("select count(*) from events where aggregate_type = :aggregate_type")

# In the order of storing, which contains the versions of each aggregate in order.
_NEXT = """
select position, version, aggregate_id, payload, metadata::text as metadata, occurred_at from events
where position > $1 and position <= $2 and aggregate_type = $3 order by position limit $4"""


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
        """Each read is a separate transaction: one transaction over hours would hold back vacuum in
        the whole database.
        """
        position, stable = 0, await stable_position(self._owner)
        async with self._standbys() as standbys:
            while rows := await self._next(position, stable, size):
                with as_transient():
                    await standbys.until_confirmed()
                yield [self._stored(row) for row in rows]
                position = rows[-1]["position"]

    async def _next(self, after: int, up_to: int, size: int) -> Sequence[asyncpg.Record]:
        async with self._owner.transaction() as connection:
            return await Sql(connection).fetch(_NEXT, after, up_to, self._aggregate_type, size)

    @asynccontextmanager
    async def _standbys(self) -> AsyncIterator[Standbys]:
        with as_transient():
            session = await connect_directly(self._owner.dsn, application_name="waypost-republish")
        try:
            with as_transient():
                standbys = await Standbys.of(session)
            yield standbys
        finally:
            await close_directly(session)

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
