"""The in-memory transaction of a consumer."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.cause import Cause
from waypost.kernel.ids import TenantId
from waypost.memory.database import MemoryDatabase, MemoryTransaction
from waypost.memory.dead_letters import MemoryDeadLetters
from waypost.memory.inbox import MemoryInbox
from waypost.memory.unit_of_work import MemoryUnitOfWork, MemoryUnitsOfWork
from waypost.ports.dead_letters import DeadLetters
from waypost.ports.inbox import Inbox


class MemoryConsumerTransaction:
    """`waypost.ports.consumer_transaction.ConsumerTransaction`."""

    inbox: Inbox
    dead_letters: DeadLetters

    def __init__(self, transaction: MemoryTransaction, units: MemoryUnitsOfWork, consumer: str) -> None:
        self.inbox = MemoryInbox(transaction, consumer)
        self.dead_letters = MemoryDeadLetters(transaction, consumer)
        self._transaction = transaction
        self._units = units

    @property
    def rows(self) -> AsyncConnection:
        raise NotImplementedError("there are no tables in memory")

    def react(self, cause: Cause) -> MemoryUnitOfWork:
        return self._units.over(self._transaction, cause)


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
