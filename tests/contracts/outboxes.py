"""Every outbox adapter behind one interface, for the behaviour suite."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import asyncpg

from tests.fixtures.outbox import NewRow, end_sessions, write
from waypost.memory.outbox import MemoryOutbox, MemoryOutboxLease
from waypost.ports.outbox import Outbox, OutboxLease
from waypost.postgres.outbox.lease import PostgresOutbox
from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import connected

TOPIC = "users.user"


class OutboxUnderTest(Protocol):
    @property
    def outbox(self) -> Outbox: ...

    async def add(self, key: bytes, payload: bytes = b"", topic: str = TOPIC) -> int:
        """Writes a committed row; returns its id."""
        ...

    def committed_late(self, key: bytes) -> AbstractAsyncContextManager[int]:
        """Writes a row whose transaction commits at the end of the block; yields its id."""
        ...

    async def take_marks_away(self) -> None:
        """Releases a quarantined key, as an operator does."""
        ...

    def become_silent(self, lease: OutboxLease) -> None:
        """Makes the lease silent, as if its process were frozen."""
        ...

    async def lose_sessions(self) -> None:
        """Ends all sessions, as a restart of the database does."""
        ...


class InMemory:
    def __init__(self) -> None:
        self.outbox = MemoryOutbox()

    async def add(self, key: bytes, payload: bytes = b"", topic: str = TOPIC) -> int:
        return self.outbox.add(topic, key, payload).id

    @asynccontextmanager
    async def committed_late(self, key: bytes) -> AsyncIterator[int]:
        row_id = self.outbox.next_id()
        yield row_id
        self.outbox.add(TOPIC, key, b"", row_id=row_id)

    async def take_marks_away(self) -> None:
        self.outbox.marked.clear()

    def become_silent(self, lease: OutboxLease) -> None:
        assert isinstance(lease, MemoryOutboxLease)
        lease.silent = True

    async def lose_sessions(self) -> None:
        self.outbox.lose_sessions()


class OnPostgres:
    RELAY = "relay-under-test"

    def __init__(self, database: ServiceDatabase, admin_dsn: str, owner: asyncpg.Connection) -> None:
        self.outbox = PostgresOutbox(
            database.relay, application_name=self.RELAY, silent_seconds=0.3, writers_query_seconds=0
        )
        self._database = database
        self._admin_dsn = admin_dsn
        self._owner = owner

    async def add(self, key: bytes, payload: bytes = b"", topic: str = TOPIC) -> int:
        return await write(self._owner, NewRow(topic=topic, key=key, payload=payload))

    @asynccontextmanager
    async def committed_late(self, key: bytes) -> AsyncIterator[int]:
        async with connected(self._database.owner) as late, late.transaction():
            yield await write(late, NewRow(topic=TOPIC, key=key, payload=b""))

    async def take_marks_away(self) -> None:
        await self._owner.execute("delete from outbox_quarantine")

    def become_silent(self, lease: OutboxLease) -> None:
        """Nothing to do: a session without requests is silent."""

    async def lose_sessions(self) -> None:
        assert await end_sessions(self._admin_dsn, self._database.name, self.RELAY)
