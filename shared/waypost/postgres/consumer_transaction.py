"""The transaction of a consumer on PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.ports.consumers import AsyncProjection, Consumer
from waypost.ports.dead_letters import DeadLetters
from waypost.ports.deferrals import Deferrals
from waypost.ports.inbox import Inbox
from waypost.ports.parked_keys import ParkedKeys
from waypost.postgres.database import Database
from waypost.postgres.dead_letters.deferrals import PostgresDeferrals
from waypost.postgres.dead_letters.parked_keys import PostgresParkedKeys
from waypost.postgres.dead_letters.store import PostgresDeadLetters
from waypost.postgres.inbox import PostgresInbox
from waypost.postgres.person_keys import readable_envelopes
from waypost.postgres.reactions import PostgresReactions
from waypost.postgres.unit_of_work import PostgresUnitsOfWork
from waypost.postgres.versions import Versions, versions_of


class PostgresConsumerTransaction:
    """`waypost.ports.consumer_transaction.ConsumerTransaction` over one open transaction."""

    inbox: Inbox
    parked_keys: ParkedKeys
    dead_letters: DeadLetters
    deferrals: Deferrals

    def __init__(
        self,
        connection: AsyncConnection,
        name: str,
        versions: Versions,
        units: PostgresUnitsOfWork,
        tenants: frozenset[TenantId],
        *,
        is_repeatable: bool = False,
    ) -> None:
        self.inbox = PostgresInbox(connection, name, versions, is_repeatable=is_repeatable)
        self.parked_keys = PostgresParkedKeys(connection, name)
        self.dead_letters = PostgresDeadLetters(connection, name)
        self.deferrals = PostgresDeferrals(connection, name)
        self._connection = connection
        self._units = units
        self._tenants = tenants

    @property
    def rows(self) -> AsyncConnection:
        return self._connection

    async def readable(self, envelopes: Sequence[Envelope[Event]]) -> Sequence[Envelope[Event] | None]:
        return await readable_envelopes(self._connection, envelopes, self._units.person_keys)

    def reactions(self) -> PostgresReactions:
        return PostgresReactions(self._connection, self._units, self._tenants)


class PostgresConsumerTransactions:
    """`waypost.ports.consumer_transaction.ConsumerTransactions` of one consumer. `name` is
    `<service>.<consumer>`, the consumer's name in every row.
    """

    def __init__(
        self,
        database: Database,
        units: PostgresUnitsOfWork,
        consumer: Consumer,
        *,
        name: str,
        max_open_transactions: int | None = None,
    ) -> None:
        """`max_open_transactions` is a limit, so that a consumer whose tables are locked leaves
        connections to the others. Further ones wait; the role's limits end the open ones.
        """
        self._database = database
        self._units = units
        self._name = name
        self._versions = versions_of(consumer, name)
        self._is_repeatable = isinstance(consumer, AsyncProjection) and consumer.is_repeatable
        self._share = (
            contextlib.nullcontext() if max_open_transactions is None else asyncio.Semaphore(max_open_transactions)
        )

    @asynccontextmanager
    async def begin(self, tenants: Iterable[TenantId]) -> AsyncIterator[PostgresConsumerTransaction]:
        bound = frozenset(tenants)
        async with self._share, self._database.transaction(bound) as connection:
            yield PostgresConsumerTransaction(
                connection, self._name, self._versions, self._units, bound, is_repeatable=self._is_repeatable
            )

    async def is_reachable(self) -> bool:
        return await self._database.is_reachable()
