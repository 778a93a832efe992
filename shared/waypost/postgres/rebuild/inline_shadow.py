"""Rebuild of an inline projection from the event store. Runs as the owner, the only role that reads
the events of all tenants.
"""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.cloudevents import from_metadata
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.ports.codec import EventCodec
from waypost.ports.consumers import InlineProjection
from waypost.ports.rebuild import ComparisonReport, StoredEvent
from waypost.postgres.database import Database
from waypost.postgres.migrate import limit_locks
from waypost.postgres.projection_schema import create_projection_schema
from waypost.postgres.rebuild.comparison import compare
from waypost.postgres.rebuild.schemas import Names, SchemaCheck, schema_lock
from waypost.postgres.rebuild.swap import SWAP_IDLE_SECONDS, rename_schemas
from waypost.postgres.sql import Sql, driver, roll_back
from waypost.postgres.tenancy import bind_statement
from waypost.postgres.versions import versions_in

_COLUMNS = "e.aggregate_type, e.aggregate_id, e.version, e.tenant_id, e.type, e.payload, e.metadata::text as metadata"

# One statement reads one snapshot, which contains all earlier versions of each aggregate. Reads by
# increasing `position` in several statements would miss late commits.
_ALL = f"select {_COLUMNS} from events e order by e.position"

_MISSING = """
select {columns} from events e
left join {schema}.versions v on v.topic = e.aggregate_type and v.aggregate_id = e.aggregate_id
where e.version > coalesce(v.version, 0) order by e.position"""


class PostgresInlineShadowFactory:
    """`waypost.ports.rebuild.InlineShadowFactory`."""

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
            async with schema_lock(owner, self._check):
                shadow = PostgresInlineShadow(owner, self._names, self._projection, self._codec)
                await shadow.make()
                try:
                    yield shadow
                finally:
                    await shadow.drop()
        finally:
            await owner.close()


class PostgresInlineShadow:
    """`waypost.ports.rebuild.InlineShadow`."""

    def __init__(self, owner: Database, names: Names, projection: InlineProjection, codec: EventCodec) -> None:
        self._owner = owner
        self._names = names
        self._projection = projection
        self._rows = StoredRows(codec, projection)

    async def make(self) -> None:
        await self.drop()
        async with self._owner.transaction() as connection:
            for statement in create_projection_schema(
                self._names.service, self._names.new_schema, self._projection.tables
            ):
                await connection.exec_driver_sql(statement)

    async def drop(self) -> None:
        async with self._owner.transaction() as connection:
            await connection.exec_driver_sql(f"drop schema if exists {self._names.new_schema} cascade")

    async def count(self) -> int:
        async with self._owner.transaction() as connection:
            return int(await connection.scalar(text("select count(*) from events")) or 0)

    async def all(self, size: int) -> AsyncIterator[Sequence[StoredEvent]]:
        async with self._owner.transaction() as connection:
            cursor = await driver(connection).cursor(_ALL)
            while rows := await cursor.fetch(size):
                yield [self._rows.read(row) for row in rows]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["PostgresInlineShadowTransaction"]:
        async with self._owner.transaction() as connection:
            await self._use_new_schema(connection)
            yield PostgresInlineShadowTransaction(connection, self._names)

    @asynccontextmanager
    async def swap(self) -> AsyncIterator["PostgresInlineSwap"]:
        async with self._owner.transaction() as connection:
            await limit_locks(connection, idle_seconds=SWAP_IDLE_SECONDS)
            await connection.exec_driver_sql("lock table events in share mode")
            await self._use_new_schema(connection)
            swap = PostgresInlineSwap(connection, self._names, self._projection, self._rows)
            yield swap
            if not swap.completed:
                await roll_back(connection)

    async def _use_new_schema(self, connection: AsyncConnection) -> None:
        await connection.exec_driver_sql(f"set local search_path to public, {self._names.new_schema}")


class PostgresInlineShadowTransaction:
    """`waypost.ports.rebuild.InlineShadowTransaction`."""

    def __init__(self, connection: AsyncConnection, names: Names) -> None:
        self.rows = connection
        self._names = names
        self._versions = versions_in(names.new_schema)

    async def bind(self, tenants: Iterable[TenantId]) -> None:
        await Sql(self.rows).execute(bind_statement(tenants))

    async def mark_processed(self, events: Sequence[StoredEvent]) -> None:
        reached: dict[str, dict[UUID, int]] = {}
        for event in events:
            reached.setdefault(event.aggregate_type, {})[event.aggregate_id] = event.version
        for aggregate_type, versions in reached.items():
            await self._versions.advance(self.rows, aggregate_type, versions)


class PostgresInlineSwap(PostgresInlineShadowTransaction):
    """`waypost.ports.rebuild.InlineSwap`."""

    def __init__(
        self, connection: AsyncConnection, names: Names, projection: InlineProjection, rows: "StoredRows"
    ) -> None:
        super().__init__(connection, names)
        self.completed = False
        self._projection = projection
        self._stored = rows

    async def missing(self, size: int) -> AsyncIterator[Sequence[StoredEvent]]:
        cursor = await driver(self.rows).cursor(_MISSING.format(columns=_COLUMNS, schema=self._names.new_schema))
        while rows := await cursor.fetch(size):
            yield [self._stored.read(row) for row in rows]

    async def compare(self) -> ComparisonReport:
        tenants = await self.rows.scalars(text("select distinct tenant_id from events"))
        return await compare(self.rows, self._names, self._projection, map(TenantId, tenants))

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
            aggregate_type=row["aggregate_type"],
            aggregate_id=row["aggregate_id"],
            version=row["version"],
            tenant_id=TenantId(row["tenant_id"]),
            envelope=self._envelope(row) if wanted else None,
        )

    def _envelope(self, row: asyncpg.Record) -> Envelope[Event]:
        return from_metadata(json.loads(row["metadata"])).around(self._codec.decode(row["type"], row["payload"]))
