"""Writes outbox rows, in the business transaction. The relay reads them with another role."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.errors import Invalid
from waypost.kernel.partitioner import shard_for
from waypost.postgres.event_store import NewEvent
from waypost.postgres.last_writes import LiteralInsert
from waypost.postgres.sql import RowInsert, Sql, last_writes

MAX_RECORD_BYTES = 900_000
"""Limit below Kafka's default `message.max.bytes` (1,048,588), with space for headers and framing.
Larger events could never be published, so they are refused here.
"""

_TYPES = {
    "shard": "smallint",
    "event_id": "uuid",
    "tenant_id": "uuid",
    "topic": "text",
    "key": "bytea",
    "payload": "bytea",
    "headers": "json",
    "created_at": "timestamptz",
}

# Both in the order of the rows: ids of one aggregate grow with its versions.
_INSERT = RowInsert("outbox", _TYPES)
_LAST_INSERT = LiteralInsert("outbox", list(_TYPES))


async def insert(connection: AsyncConnection, events: Sequence[NewEvent], at: datetime) -> None:
    """Inserts one row per event, at the end of a transaction with many events. Raises Invalid for
    an event that is too large for a record.
    """
    await Sql(connection).execute(*_INSERT.bind([_row(event, at) for event in events]))


def insert_with_commit(connection: AsyncConnection, events: Sequence[NewEvent], at: datetime) -> None:
    """Like `insert`, in one message with the commit."""
    last_writes(connection).add(_LAST_INSERT.text([_row(event, at) for event in events]))


def _row(event: NewEvent, at: datetime) -> tuple[object, ...]:
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
        at,
    )
