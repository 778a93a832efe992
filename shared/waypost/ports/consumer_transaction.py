"""The transaction in which a consumer takes records in: position, claim, effects and letters, all
of them or none.
"""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.cause import Cause
from waypost.kernel.ids import TenantId
from waypost.ports.dead_letters import DeadLetters
from waypost.ports.inbox import Inbox
from waypost.ports.unit_of_work import UnitOfWork


class Reaction(UnitOfWork, Protocol):
    """The unit of work of one event, inside a transaction that the consumer ends."""

    async def finish(self) -> None:
        """Stores what the handler recorded; the last statements before the commit."""
        ...

    def ring(self) -> None:
        """Wakes relays and job workers; after the commit."""
        ...


class ConsumerTransaction(Protocol):
    """One open transaction of one consumer, bound to the tenants of what it takes in."""

    inbox: Inbox
    dead_letters: DeadLetters

    @property
    def rows(self) -> AsyncConnection:
        """The transaction's own connection. Raises NotImplementedError in memory, where there are
        no tables.
        """
        ...

    def react(self, cause: Cause) -> Reaction:
        """What it records carries that cause. Raises NotImplementedError where only projectors run."""
        ...


class ConsumerTransactions(Protocol):
    """Opens them for one consumer."""

    def begin(self, tenants: Iterable[TenantId]) -> AbstractAsyncContextManager[ConsumerTransaction]:
        """Commits at the end of the block, rolls back on an error. Raises Transient where the
        database cannot be had or was lost.
        """
        ...

    async def answers(self) -> bool:
        """Whether a fresh connection gets an answer: tells a batch that the database ends from a
        database that is away.
        """
        ...
