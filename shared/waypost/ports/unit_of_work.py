"""One business transaction: events, own projections, jobs and outbox rows, all of them or none."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.aggregate import Aggregate
from waypost.kernel.cause import Cause
from waypost.kernel.ids import TenantId
from waypost.ports.event_store import EventStore
from waypost.ports.jobs import JobQueue

A = TypeVar("A", bound=Aggregate)


class UnitOfWork(Protocol):
    """Open from the edge's `begin()` to its end. Handlers load, decide and add; the edge commits."""

    tenants: frozenset[TenantId]
    cause: Cause
    events: EventStore
    jobs: JobQueue

    @property
    def rows(self) -> AsyncConnection:
        """The transaction's own connection, for read tables (SQLAlchemy Core); row-level security
        binds it to `tenants`.

        Raises NotImplementedError in memory, where there are no tables.
        """
        ...

    async def load(self, kind: type[A], id: UUID) -> A:  # noqa: A002
        """The aggregate as its events tell it; the same object on a second load. Raises NotFound."""
        ...

    async def find(self, kind: type[A], id: UUID) -> A | None:  # noqa: A002
        """Like `load`, None where there is no such aggregate."""
        ...

    def add(self, aggregate: Aggregate) -> None:
        """Takes up a new aggregate; its recorded events are stored with those of the loaded ones."""
        ...

    async def flush(self) -> None:
        """Stores what has been recorded so far, so that `rows` shows it. The edge flushes before it
        commits; most handlers never call it.

        Raises ConcurrencyConflict.
        """
        ...


class UnitsOfWork(Protocol):
    """Makes them. One per process and pool."""

    def begin(self, cause: Cause | None = None) -> AbstractAsyncContextManager[UnitOfWork]:
        """Opens a transaction for the bound tenants (`waypost.kernel.tenant`); commits at the end
        of the block, rolls back on an error.

        Without a `cause` it takes the bound one (`waypost.kernel.cause`). After the commit the
        doorbell rings: relays and job workers wake up. Raises NoTenantBound, and Transient where
        the database cannot be had.
        """
        ...
