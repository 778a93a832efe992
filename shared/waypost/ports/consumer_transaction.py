"""The transaction of a consumer: position, claim, effects and dead letters are stored together or
not at all.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.cause import Cause
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.ports.dead_letters import DeadLetters
from waypost.ports.deferrals import Deferrals
from waypost.ports.inbox import Inbox
from waypost.ports.parked_keys import ParkedKeys
from waypost.ports.unit_of_work import UnitOfWork


class Reactions(Protocol):
    """The units of work of a reactor's events, one after another, inside a transaction that the
    consumer ends.
    """

    async def begin(self, tenant_id: TenantId, cause: Cause) -> UnitOfWork:
        """A unit of work whose events and jobs carry this cause. Binds the transaction to this
        tenant. The caller flushes it before it begins the next one.
        """
        ...

    async def finish(self) -> None:
        """Writes the outbox rows of all units of work; the last statement before the commit. Binds
        the transaction to all its tenants again.
        """
        ...

    def send_wakeups(self) -> None:
        """Wakes relays and job workers; called after the commit."""
        ...


class ConsumerTransaction(Protocol):
    """One open transaction of one consumer, bound to the tenants of its records."""

    inbox: Inbox
    parked_keys: ParkedKeys
    dead_letters: DeadLetters
    deferrals: Deferrals

    @property
    def rows(self) -> AsyncConnection:
        """The transaction's connection. Raises NotImplementedError in memory, where there are no
        tables.
        """
        ...

    async def readable(self, envelopes: Sequence[Envelope[Event]]) -> Sequence[Envelope[Event] | None]:
        """The events with their personal data decrypted, which is empty if the person was erased;
        None for an event whose key has not arrived. Raises UndecodableRecord.
        """
        ...

    def reactions(self) -> Reactions:
        """Units of work for a reactor. Raises NotImplementedError where only async projections
        run.
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
