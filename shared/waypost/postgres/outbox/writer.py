"""Writes outbox rows, in the business transaction. The relay reads them with another role."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.errors import Invalid
from waypost.kernel.partitioner import shard_for
from waypost.postgres.event_store import NewEvent
from waypost.postgres.sql import Sql

MAX_RECORD_BYTES = 900_000
"""Limit below Kafka's default `message.max.bytes` (1,048,588), with space for headers and framing.
Larger events could never be published, so they are refused here.
"""

# `order by nth` keeps the order of the arrays: ids of one aggregate grow with its versions.
_INSERT = """
insert into outbox (shard, event_id, tenant_id, topic, key, payload, headers, created_at)
select shard, event_id, tenant_id, topic, key, payload, headers, $8
from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::bytea[], $6::bytea[], $7::json[])
     with ordinality as row (shard, event_id, tenant_id, topic, key, payload, headers, nth)
order by nth"""


async def insert(connection: AsyncConnection, events: Sequence[NewEvent], at: datetime) -> None:
    """Inserts one row per event, as the last statement of a business transaction. Raises Invalid
    for an event that is too large for a record.
    """
    columns = zip(*map(_row, events), strict=True)
    await Sql(connection).execute(_INSERT, *map(list, columns), at)


def _row(event: NewEvent) -> tuple[object, ...]:
    envelope, encoded = event.envelope, event.encoded
    if len(encoded.payload) > MAX_RECORD_BYTES:
        raise Invalid(
            f"{envelope.event.type} has {len(encoded.payload)} bytes; the limit of a record is {MAX_RECORD_BYTES}",
            bytes=len(encoded.payload),
        )
    key = str(envelope.aggregate_id).encode()
    return (
        shard_for(key),
        envelope.event_id,
        envelope.tenant_id,
        envelope.event.topic,
        key,
        encoded.payload,
        event.metadata,
    )
