"""The transaction of a consumer: position, claim, effects and dead letters are stored together or
not at all.
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
        """Stores the events that the handler recorded; the last statements before the commit.
        Raises ConcurrencyConflict.
        """
        ...

    def send_wakeups(self) -> None:
        """Wakes relays and job workers; called after the commit."""
        ...


class ConsumerTransaction(Protocol):
    """One open transaction of one consumer, bound to the tenants of its records."""

    inbox: Inbox
    dead_letters: DeadLetters

    @property
    def rows(self) -> AsyncConnection:
        """The transaction's connection. Raises NotImplementedError in memory, where there are no
        tables.
        """
        ...

    def react(self, cause: Cause) -> Reaction:
        """A unit of work whose events and jobs carry this cause. Raises NotImplementedError where
        only async projections run.
        """
        ...


class ConsumerTransactions(Protocol):
    """Opens transactions of one consumer."""

    def begin(self, tenants: Iterable[TenantId]) -> AbstractAsyncContextManager[ConsumerTransaction]:
        """Commits at the end of the block, rolls back on an error. Raises Transient if the database
        is unavailable or the connection was lost.
        """
        ...

    async def is_reachable(self) -> bool:
        """True if a new connection works. Distinguishes "this batch kills its connection" from "the
        database is down".
        """
        ...
