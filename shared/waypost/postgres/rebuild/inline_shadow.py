"""Rebuild of an inline projection from the event store. Runs as the owner, the only role that reads
the events of all tenants.
"""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.cloudevents import from_metadata
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event, personal_ciphertext
from waypost.kernel.ids import TenantId
from waypost.ports.codec import EventCodec
from waypost.ports.consumers import InlineProjection
from waypost.ports.inline_rebuild import StoredEvent
from waypost.ports.rebuild import ComparisonReport
from waypost.postgres.database import Database
from waypost.postgres.person_keys import key_missing, readable_envelopes
from waypost.postgres.projection_schema import create_projection_schema
from waypost.postgres.rebuild.comparison import check, compare
from waypost.postgres.rebuild.schemas import (
    Names,
    SchemaCheck,
    drop_or_warn,
    make_room,
    schema_lock,
)
from waypost.postgres.rebuild.swap import SWAP_IDLE_SECONDS, begin_snapshot, rename_schemas, use_new_schema
from waypost.postgres.schema_locks import limit_locks
from waypost.postgres.sql import Sql, roll_back
from waypost.postgres.stable_position import stable_position
from waypost.postgres.tenancy import bind_statement

# In the order of storing, which contains the versions of each aggregate in order.
_EVENTS = """
select e.position, e.tenant_id, e.type, e.payload, e.metadata::text as metadata
from events e where e.position > $1 and e.position <= $2 order by e.position limit $3"""

_NEWEST = 2**63 - 1


class PostgresInlineShadowFactory:
    """`waypost.ports.inline_rebuild.InlineShadowFactory`."""

    def __init__(
        self,
        service: str,
        projection: InlineProjection,
        codec: EventCodec,
        *,
        owner_dsn: str,
        check: SchemaCheck | None = None,
    ) -> None:
        self._names = Names(service, projection.name)
        self._projection = projection
        self._codec = codec
        self._owner_dsn = owner_dsn
        self._check = check

    @asynccontextmanager
    async def shadow(self) -> AsyncIterator["PostgresInlineShadow"]:
        owner = Database(
            self._owner_dsn, application_name=f"{self._names.service}-rebuild-owner", pool_size=3, command_seconds=None
        )
        try:
            async with schema_lock(owner, self._check) as locked:
                shadow = PostgresInlineShadow(owner, self._names, self._projection, self._codec)
                await shadow.make()
                try:
                    yield shadow
                finally:
                    await drop_or_warn(locked, self._names)
        finally:
            await owner.close()


class PostgresInlineShadow:
    """`waypost.ports.inline_rebuild.InlineShadow`."""

    def __init__(self, owner: Database, names: Names, projection: InlineProjection, codec: EventCodec) -> None:
        self._owner = owner
        self._names = names
        self._projection = projection
        self._rows = StoredRows(codec, projection)

    async def make(self) -> None:
        async with self._owner.transaction() as connection:
            await make_room(connection, self._names)
            for statement in create_projection_schema(
                self._names.service, self._names.new_schema, self._projection.tables
            ):
                await connection.exec_driver_sql(statement)

    async def count(self) -> int:
        async with self._owner.transaction() as connection:
            return int(await connection.scalar(text("select count(*) from events")) or 0)

    async def stable_position(self) -> int:
        return await stable_position(self._owner)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["PostgresInlineShadowTransaction"]:
        async with self._owner.transaction() as connection:
            await use_new_schema(connection, self._names)
            yield PostgresInlineShadowTransaction(connection, self._names, self._projection, self._rows)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["PostgresInlineSnapshot"]:
        async with self._owner.transaction() as connection:
            await begin_snapshot(connection, self._names)
            yield PostgresInlineSnapshot(connection, self._names, self._projection, self._rows)
            await roll_back(connection)

    @asynccontextmanager
    async def swap(self) -> AsyncIterator["PostgresInlineSwap"]:
        async with self._owner.transaction() as connection:
            await limit_locks(connection, idle_seconds=SWAP_IDLE_SECONDS)
            await connection.exec_driver_sql("lock table events in share mode")
            await use_new_schema(connection, self._names)
            swap = PostgresInlineSwap(connection, self._names, self._projection, self._rows)
            yield swap
            if not swap.completed:
                await roll_back(connection)


class PostgresInlineShadowTransaction:
    """`waypost.ports.inline_rebuild.InlineShadowTransaction`."""

    def __init__(
        self, connection: AsyncConnection, names: Names, projection: InlineProjection, rows: "StoredRows"
    ) -> None:
        self.rows = connection
        self._names = names
        self._projection = projection
        self._stored = rows

    async def bind(self, tenants: Iterable[TenantId]) -> None:
        await Sql(self.rows).execute(bind_statement(tenants))

    async def events(self, after: int, at_most: int, *, up_to: int | None = None) -> Sequence[StoredEvent]:
        rows = await Sql(self.rows).fetch(_EVENTS, after, _NEWEST if up_to is None else up_to, at_most)
        return await self._readable([self._stored.read(row) for row in rows])

    async def _readable(self, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
        """The events with their personal data. Binds the tenants of the encrypted events."""
        found = {event.position: event.envelope for event in events if event.envelope is not None}
        encrypted = {at: each for at, each in found.items() if personal_ciphertext(each.event)}
        if not encrypted:
            return events
        await self.bind({envelope.tenant_id for envelope in encrypted.values()})
        readable = await readable_envelopes(self.rows, list(encrypted.values()), None)
        by_position = dict(zip(encrypted, readable, strict=True))
        for position, envelope in by_position.items():
            if envelope is None:
                raise key_missing(encrypted[position].event, encrypted[position].event_id)
        return [replace(event, envelope=by_position.get(event.position, event.envelope)) for event in events]


class PostgresInlineSnapshot(PostgresInlineShadowTransaction):
    """`waypost.ports.inline_rebuild.InlineSnapshot`."""

    async def compare(self, tenants: Iterable[TenantId]) -> ComparisonReport:
        return await compare(self.rows, self._names, self._projection, tenants)


class PostgresInlineSwap(PostgresInlineShadowTransaction):
    """`waypost.ports.inline_rebuild.InlineSwap`."""

    completed = False

    async def check(self, comparison: ComparisonReport) -> ComparisonReport:
        return await check(self.rows, self._names, self._projection, comparison)

    async def complete(self) -> None:
        await rename_schemas(self.rows, self._names)
        self.completed = True


class StoredRows:
    """Maps rows to events. Decodes only events that the projection has a handler for."""

    def __init__(self, codec: EventCodec, projection: InlineProjection) -> None:
        self._codec = codec
        self._types = frozenset(kind.type for kind in projection.handlers)

    def read(self, row: asyncpg.Record) -> StoredEvent:
        wanted = row["type"] in self._types
        return StoredEvent(
            position=row["position"],
            tenant_id=TenantId(row["tenant_id"]),
            envelope=self._envelope(row) if wanted else None,
        )

    def _envelope(self, row: asyncpg.Record) -> Envelope[Event]:
        return from_metadata(json.loads(row["metadata"])).around(self._codec.decode(row["type"], row["payload"]))
