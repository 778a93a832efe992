"""Consumer transactions of a rebuild. The shadow has its own order guard, dead letters and
inbox.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId
from waypost.ports.consumer_transaction import Reactions
from waypost.ports.dead_letters import DeadLetters
from waypost.ports.deferrals import Deferrals
from waypost.ports.inbox import Inbox, InboxEntry
from waypost.ports.parked_keys import ParkedKeys
from waypost.ports.subscription import Partition
from waypost.postgres.database import Database
from waypost.postgres.dead_letters.deferrals import PostgresDeferrals
from waypost.postgres.dead_letters.parked_keys import PostgresParkedKeys
from waypost.postgres.dead_letters.store import PostgresDeadLetters
from waypost.postgres.failures import as_transient
from waypost.postgres.inbox import PostgresInbox
from waypost.postgres.person_keys import readable_envelopes
from waypost.postgres.rebuild.schemas import Names
from waypost.postgres.sql import Sql
from waypost.postgres.tenancy import bind_statement
from waypost.postgres.versions import versions_in


class _ShadowInbox(PostgresInbox):
    async def claim(self, partition: Partition, entries: Sequence[InboxEntry]) -> frozenset[EventId]:
        """Claims every entry with a sequence, because the order guard skips repeated ones. Entries
        without one use the inbox.
        """
        guarded = frozenset(entry.event_id for entry in entries if entry.sequence is not None)
        return guarded | await super().claim(partition, [entry for entry in entries if entry.sequence is None])


class PostgresShadowTransaction:
    """`waypost.ports.rebuild.ShadowTransaction`."""

    inbox: Inbox
    parked_keys: ParkedKeys
    dead_letters: DeadLetters
    deferrals: Deferrals

    def __init__(self, connection: AsyncConnection, names: Names) -> None:
        self.rows = connection
        self.inbox = _ShadowInbox(connection, names.shadow, versions_in(names.new_schema))
        self.parked_keys = PostgresParkedKeys(connection, names.shadow)
        self.dead_letters = PostgresDeadLetters(connection, names.shadow)
        self.deferrals = PostgresDeferrals(connection, names.shadow)

    async def bind(self, tenants: Iterable[TenantId]) -> None:
        await Sql(self.rows).execute(bind_statement(tenants))

    async def readable(self, envelopes: Sequence[Envelope[Event]]) -> Sequence[Envelope[Event] | None]:
        return await readable_envelopes(self.rows, envelopes, None)

    def reactions(self) -> Reactions:
        raise NotImplementedError("a rebuild never runs a reactor")


class PostgresShadowTransactions:
    """`waypost.ports.rebuild.ShadowTransactions`. Each batch runs in its own transaction."""

    def __init__(self, database: Database, names: Names) -> None:
        self._database = database
        self._names = names

    @asynccontextmanager
    async def begin(self, tenants: Iterable[TenantId]) -> AsyncIterator[PostgresShadowTransaction]:
        async with self._database.transaction(tenants) as connection:
            yield PostgresShadowTransaction(connection, self._names)

    async def is_reachable(self) -> bool:
        return await self._database.is_reachable()


class SwapTransactions:
    """Each batch runs in a savepoint of the swap's transaction, so that a handler's error rolls
    back only its own batch.
    """

    def __init__(self, connection: AsyncConnection, names: Names) -> None:
        self._connection = connection
        self._names = names

    @asynccontextmanager
    async def begin(self, tenants: Iterable[TenantId]) -> AsyncIterator[PostgresShadowTransaction]:
        with as_transient():
            async with self._connection.begin_nested():
                await Sql(self._connection).execute(bind_statement(tenants))
                yield PostgresShadowTransaction(self._connection, self._names)

    async def is_reachable(self) -> bool:
        """Always true: if the connection of the swap's transaction is lost, the swap has failed."""
        return True
