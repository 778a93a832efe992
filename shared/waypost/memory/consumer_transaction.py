"""The in-memory transaction of a consumer."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.cause import Cause
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.memory.database import MemoryDatabase, MemoryTransaction
from waypost.memory.dead_letters import MemoryDeadLetters
from waypost.memory.deferrals import MemoryDeferrals
from waypost.memory.inbox import MemoryInbox
from waypost.memory.parked_keys import MemoryParkedKeys
from waypost.memory.unit_of_work import MemoryUnitOfWork, MemoryUnitsOfWork
from waypost.ports.dead_letters import DeadLetters
from waypost.ports.deferrals import Deferrals
from waypost.ports.inbox import Inbox
from waypost.ports.parked_keys import ParkedKeys


class MemoryConsumerTransaction:
    """`waypost.ports.consumer_transaction.ConsumerTransaction`."""

    inbox: Inbox
    parked_keys: ParkedKeys
    dead_letters: DeadLetters
    deferrals: Deferrals

    def __init__(self, transaction: MemoryTransaction, units: MemoryUnitsOfWork, consumer: str) -> None:
        self.inbox = MemoryInbox(transaction, consumer)
        self.parked_keys = MemoryParkedKeys(transaction, consumer)
        self.dead_letters = MemoryDeadLetters(transaction, consumer)
        self.deferrals = MemoryDeferrals(transaction, consumer)
        self._transaction = transaction
        self._units = units

    @property
    def rows(self) -> AsyncConnection:
        raise NotImplementedError("there are no tables in memory")

    async def readable(self, envelopes: Sequence[Envelope[Event]]) -> Sequence[Envelope[Event] | None]:
        """In memory nothing is encrypted."""
        return envelopes

    def reactions(self) -> "MemoryReactions":
        return MemoryReactions(self._transaction, self._units)


class MemoryReactions:
    """`waypost.ports.consumer_transaction.Reactions`."""

    def __init__(self, transaction: MemoryTransaction, units: MemoryUnitsOfWork) -> None:
        self._transaction = transaction
        self._units = units
        self._begun: list[MemoryUnitOfWork] = []

    async def begin(self, tenant_id: TenantId, cause: Cause) -> MemoryUnitOfWork:
        unit = self._units.over(MemoryTransaction(self._transaction.tables, frozenset((tenant_id,))), cause)
        self._begun.append(unit)
        return unit

    async def finish(self) -> None:
        for unit in self._begun:
            await unit.finish()

    def send_wakeups(self) -> None:
        """Does nothing: in memory there are no listeners."""


class MemoryConsumerTransactions:
    """`waypost.ports.consumer_transaction.ConsumerTransactions` of one consumer."""

    def __init__(self, database: MemoryDatabase, units: MemoryUnitsOfWork, *, name: str) -> None:
        self._database = database
        self._units = units
        self._name = name

    @asynccontextmanager
    async def begin(self, tenants: Iterable[TenantId]) -> AsyncIterator[MemoryConsumerTransaction]:
        async with self._database.transaction(tenants) as transaction:
            yield MemoryConsumerTransaction(transaction, self._units, self._name)

    async def is_reachable(self) -> bool:
        return True
