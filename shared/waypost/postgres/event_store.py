"""The event store on one table. Its primary key enforces optimistic locking."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.cloudevents import from_metadata, to_metadata
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import ConcurrencyConflict
from waypost.kernel.event import Event, without_personal_data
from waypost.kernel.ids import TenantId
from waypost.ports.codec import EncodedEvent, EventCodec
from waypost.postgres.person_keys import IdentifiedEvent, TransactionKeys
from waypost.postgres.sql import RowInsert, Sql

_HISTORY = """
select type, payload, metadata::text as metadata
from events
where aggregate_type = $1 and aggregate_id = $2 and version > $3
order by version
limit $4"""

_EVENTS = """
select tenant_id, type, payload from events where aggregate_type = $1 and aggregate_id = $2 order by version"""

EVENTS_WITH_KEY = """
select tenant_id, type, payload, event_id,
    case when version = 1 then
        (select key from person_keys where tenant_id = events.tenant_id and person_id = events.aggregate_id)
    end as person_key
from events where aggregate_type = $1 and aggregate_id = $2 order by version"""
"""The key of an aggregate that is a person comes in the same round trip, with its first event."""

_VERSIONS = """
select aggregate_id, version from events
where aggregate_type = $1 and aggregate_id = any ($2::uuid[]) and type = any ($3::text[])
order by aggregate_id, version"""

_PAYLOADS = """
select aggregate_id, version, type, payload
from events join unnest($2::uuid[], $3::bigint[]) as wanted (aggregate_id, version) using (aggregate_id, version)
where aggregate_type = $1"""

EVENTS_AT_ONCE = 500
"""Events whose personal data is erased between two statements. The server ends a session whose
transaction is idle for some seconds.
"""

# One statement inserts all rows, so that a conflict inserts none.
_APPEND = RowInsert(
    "events",
    {
        "tenant_id": "uuid",
        "aggregate_type": "text",
        "aggregate_id": "uuid",
        "version": "bigint",
        "event_id": "uuid",
        "type": "text",
        "schema_id": "int",
        "payload": "bytea",
        "metadata": "jsonb",
        "occurred_at": "timestamptz",
    },
)

_REWRITE = """
update events set schema_id = redacted.schema_id, payload = redacted.payload
from unnest($2::uuid[], $3::bigint[], $4::int[], $5::bytea[]) as redacted (aggregate_id, version, schema_id, payload)
where aggregate_type = $1 and events.aggregate_id = redacted.aggregate_id and events.version = redacted.version"""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event as the event store and the outbox store it."""

    envelope: Envelope[Event]
    encoded: EncodedEvent
    metadata: str
    """JSON object of header name → text."""

    @classmethod
    def of(cls, envelope: Envelope[Event], codec: EventCodec, *, stored_as: Event | None = None) -> Self:
        """`stored_as`: the event with its personal data encrypted. They stay readable in the
        envelope, for the inline projections. Raises Permanent if the event does not fit its schema.
        """
        encoded = codec.encode(envelope.event if stored_as is None else stored_as)
        return cls(envelope, encoded, orjson.dumps(to_metadata(envelope)).decode())


class PostgresEventStore:
    """`waypost.ports.event_store.EventStore` inside one open transaction."""

    def __init__(self, connection: AsyncConnection, codec: EventCodec, keys: TransactionKeys | None = None) -> None:
        self._connection = connection
        self._sql = Sql(connection)
        self._codec = codec
        self._keys = keys

    async def history(
        self, aggregate_type: str, aggregate_id: UUID, *, after: int = 0, limit: int | None = None
    ) -> Sequence[Envelope[Event]]:
        rows = await self._sql.fetch(_HISTORY, aggregate_type, aggregate_id, after, limit)
        envelopes = [
            from_metadata(json.loads(row["metadata"])).around(self._codec.decode(row["type"], row["payload"]))
            for row in rows
        ]
        if self._keys is None:
            return envelopes
        events = await self._keys.all_readable([IdentifiedEvent(each.event, each.event_id) for each in envelopes])
        return [envelope._replace(event=event) for envelope, event in zip(envelopes, events, strict=True)]

    async def stored_events(self, aggregate_type: str, aggregate_id: UUID) -> tuple[TenantId, Sequence[Event]] | None:
        """`waypost.kernel.repository.StoredEvents`. Does not read the metadata: to parse it costs
        more than to decode the event.
        """
        keys = self._keys
        rows = await self._sql.fetch(_EVENTS if keys is None else EVENTS_WITH_KEY, aggregate_type, aggregate_id)
        if not rows:
            return None
        # The driver's class is a subclass of UUID, which serializers refuse.
        tenant_id = TenantId(UUID(int=rows[0]["tenant_id"].int))
        events = [self._codec.decode(row["type"], row["payload"]) for row in rows]
        if keys is None:
            return tenant_id, events
        keys.remember(tenant_id, aggregate_id, rows[0]["person_key"])
        stored = [IdentifiedEvent(event, row["event_id"]) for event, row in zip(events, rows, strict=True)]
        return tenant_id, await keys.all_readable(stored)

    async def append(self, aggregate_type: str, envelopes: Sequence[Envelope[Event]]) -> None:
        await self.insert(aggregate_type, [NewEvent.of(envelope, self._codec) for envelope in envelopes])

    async def insert(self, aggregate_type: str, events: Sequence[NewEvent]) -> None:
        """Like `append`, for already encoded events: the caller writes the same bytes to the
        outbox.
        """
        if not events:
            return
        try:
            await self._sql.execute(*_APPEND.bind([_row(aggregate_type, event) for event in events]))
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "events_pkey":
                raise
            first = events[0].envelope
            raise ConcurrencyConflict(aggregate_type, first.aggregate_id, first.aggregate_version - 1) from error

    async def erase_personal_data(self, aggregate_type: str, *aggregate_ids: UUID) -> None:
        types = sorted(self._codec.personal_types)
        found = await self._sql.fetch(_VERSIONS, aggregate_type, aggregate_ids, types)
        for start in range(0, len(found), EVENTS_AT_ONCE):
            await self._erase(aggregate_type, found[start : start + EVENTS_AT_ONCE])

    async def _erase(self, aggregate_type: str, events: Sequence[asyncpg.Record]) -> None:
        """Rewrites only what is readable."""
        ids, versions = [row["aggregate_id"] for row in events], [row["version"] for row in events]
        rows = await self._sql.fetch(_PAYLOADS, aggregate_type, ids, versions)
        decoded = [(row, self._codec.decode(row["type"], row["payload"])) for row in rows]
        personal = [
            (row, self._codec.encode(without_personal_data(event)))
            for row, event in decoded
            if any(getattr(event, name) for name in event.personal)
        ]
        if personal:
            await self._sql.execute(
                _REWRITE,
                aggregate_type,
                [row["aggregate_id"] for row, _ in personal],
                [row["version"] for row, _ in personal],
                [event.schema_id for _, event in personal],
                [event.payload for _, event in personal],
            )


def _row(aggregate_type: str, event: NewEvent) -> tuple[object, ...]:
    envelope, encoded = event.envelope, event.encoded
    return (
        envelope.tenant_id,
        aggregate_type,
        envelope.aggregate_id,
        envelope.aggregate_version,
        envelope.event_id,
        envelope.event.type,
        encoded.schema_id,
        encoded.payload,
        event.metadata,
        envelope.occurred_at,
    )
