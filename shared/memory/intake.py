"""A consumer's transaction in memory."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.kernel.cause import Cause
from shared.kernel.ids import TenantId
from shared.memory.database import MemoryDatabase, MemoryTransaction
from shared.memory.dead_letters import MemoryDeadLetters
from shared.memory.inbox import MemoryInbox
from shared.memory.unit_of_work import MemoryUnitOfWork, MemoryUnitsOfWork
from shared.ports.dead_letters import DeadLetters
from shared.ports.inbox import Inbox


class MemoryIntake:
    """`shared.ports.intake.Intake`."""

    inbox: Inbox
    letters: DeadLetters

    def __init__(self, transaction: MemoryTransaction, units: MemoryUnitsOfWork, consumer: str) -> None:
        self.inbox = MemoryInbox(transaction, consumer)
        self.letters = MemoryDeadLetters(transaction, consumer)
        self._transaction = transaction
        self._units = units

    @property
    def rows(self) -> AsyncConnection:
        raise NotImplementedError("there are no tables in memory")

    def react(self, cause: Cause) -> MemoryUnitOfWork:
        return self._units.over(self._transaction, cause)


class MemoryIntakes:
    """`shared.ports.intake.Intakes` of one consumer."""

    def __init__(self, database: MemoryDatabase, units: MemoryUnitsOfWork, *, name: str) -> None:
        self._database = database
        self._units = units
        self._name = name

    @asynccontextmanager
    async def begin(self, tenants: Iterable[TenantId]) -> AsyncIterator[MemoryIntake]:
        async with self._database.transaction(tenants) as transaction:
            yield MemoryIntake(transaction, self._units, self._name)

    async def answers(self) -> bool:
        return True
