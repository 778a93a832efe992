"""Rebuild of an async projection: creates and drops its shadow schema."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from waypost.ports.consumers import AsyncProjection
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.operator_decisions import OperatorDecisions
from waypost.ports.rebuild import WRITERS, ShadowTransactions
from waypost.ports.subscription import Partition
from waypost.postgres.database import Database
from waypost.postgres.projection_schema import PERSON_KEYS_SCHEMA, create_projection_schema
from waypost.postgres.rebuild.operator_decisions import operator_decisions
from waypost.postgres.rebuild.schemas import (
    Names,
    SchemaCheck,
    drop_or_warn,
    make_room,
    schema_lock,
)
from waypost.postgres.rebuild.swap import PostgresSnapshot, PostgresSwap, begin_snapshot, locked_live, positions
from waypost.postgres.rebuild.transactions import PostgresShadowTransactions
from waypost.postgres.sql import roll_back


class PostgresShadowFactory:
    """`waypost.ports.rebuild.ShadowFactory`. Uses two roles: the owner creates and swaps the
    tables, the application's role fills them.
    """

    def __init__(
        self,
        service: str,
        projection: AsyncProjection,
        *,
        app_dsn: str,
        owner_dsn: str,
        check: SchemaCheck | None = None,
    ) -> None:
        self._names = Names(service, projection.name)
        self._projection = projection
        self._app_dsn = app_dsn
        self._owner_dsn = owner_dsn
        self._check = check

    @asynccontextmanager
    async def shadow(self) -> AsyncIterator["PostgresShadow"]:
        names = self._names
        owner = Database(
            self._owner_dsn, application_name=f"{names.service}-rebuild-owner", pool_size=3, command_seconds=None
        )
        try:
            async with schema_lock(owner, self._check) as locked:
                shadow = PostgresShadow(names, self._projection, owner, self._app_dsn)
                await shadow.make()
                try:
                    yield shadow
                finally:
                    await drop_or_warn(locked, names)
        finally:
            await owner.close()


class PostgresShadow:
    """`waypost.ports.rebuild.Shadow`."""

    def __init__(self, names: Names, projection: AsyncProjection, owner: Database, app_dsn: str) -> None:
        self.name = names.shadow
        self._names = names
        self._projection = projection
        self._owner = owner
        self._app_dsn = app_dsn

    async def make(self) -> None:
        async with self._owner.transaction() as connection:
            await make_room(connection, self._names)
            for statement in create_projection_schema(
                self._names.service, self._names.new_schema, self._projection.tables
            ):
                await connection.exec_driver_sql(statement)

    @asynccontextmanager
    async def transactions(self) -> AsyncIterator[ShadowTransactions]:
        app = Database(
            self._app_dsn,
            application_name=f"{self._names.service}-rebuild",
            pool_size=WRITERS,
            schemas=[self._names.new_schema, PERSON_KEYS_SCHEMA],
            # The commit of the swap waits for the disk, and with it for all writes before. The swap
            # finds writes that a crash has undone: it compares the positions.
            server_settings={"synchronous_commit": "off"},
        )
        try:
            yield PostgresShadowTransactions(app, self._names)
        finally:
            await app.close()

    async def live(self) -> Mapping[Partition, ConsumerPosition]:
        async with self._owner.transaction() as connection:
            return await positions(connection, self._names.live)

    async def operator_decisions(self) -> OperatorDecisions:
        async with self._owner.transaction() as connection:
            return await operator_decisions(connection, self._names.live)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[PostgresSnapshot]:
        names = self._names
        async with self._owner.transaction() as connection:
            await begin_snapshot(connection, names)
            live, shadow = await positions(connection, names.live), await positions(connection, names.shadow)
            yield PostgresSnapshot(connection, names, self._projection, live, shadow)
            await roll_back(connection)

    @asynccontextmanager
    async def swap(self) -> AsyncIterator[PostgresSwap]:
        async with self._owner.transaction() as connection:
            live = await locked_live(connection, self._names)
            shadow = await positions(connection, self._names.shadow)
            swap = PostgresSwap(connection, self._names, self._projection, live, shadow)
            yield swap
            if not swap.completed:
                await roll_back(connection)
