"""One business transaction: events, inline projections, jobs and outbox rows are stored together or
not at all.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.aggregate import Aggregate
from waypost.kernel.cause import Cause
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.ports.event_store import EventStore
from waypost.ports.jobs import JobQueue
from waypost.ports.person_keys import PersonalCiphertext

A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True, slots=True)
class Precondition:
    """A query that returns a row only if the work must not run. Its parameters are `$1`, `$2` …;
    quoted text must not contain a dollar sign before a digit.
    """

    query: str
    arguments: tuple[object, ...]
    consumers: tuple[str, ...] = ()
    """Names of the consumers whose rows the query reads."""


class UnitOfWork(Protocol):
    """Open from `begin()` to the end of its block. Handlers load, decide and add; the caller
    commits.
    """

    tenants: frozenset[TenantId]
    cause: Cause
    preconditions_passed: bool
    """True if the preconditions of `begin` found nothing against the work. False if there were
    none, or if one has to be repeated in this unit of work to learn what it found.
    """
    events: EventStore
    jobs: JobQueue

    @property
    def rows(self) -> AsyncConnection:
        """The transaction's connection, for read models (SQLAlchemy Core); row-level security
        limits it to `tenants`.

        Raises NotImplementedError in memory, where there are no tables.
        """
        ...

    @property
    def written(self) -> Sequence[Envelope[Event]]:
        """The events that were flushed so far. Events of people's keys are among them."""
        ...

    async def query(self, statement: str, *arguments: object) -> Sequence[Mapping[str, Any]]:
        """The rows of one SQL query with parameters `$1`, `$2` …, for hot paths: it costs less than
        half of a statement through `rows`. Raises NotImplementedError in memory.
        """
        ...

    async def load(self, kind: type[A], id: UUID) -> A:  # noqa: A002
        """The aggregate, folded from its events; a second load returns the same object. Raises
        NotFound.
        """
        ...

    async def find(self, kind: type[A], id: UUID) -> A | None:  # noqa: A002
        """Like `load`, but None if the aggregate does not exist."""
        ...

    def add(self, aggregate: Aggregate) -> None:
        """Registers a new aggregate; its recorded events are stored with those of the loaded
        ones.
        """
        ...

    async def personal_data(self, encrypted: Sequence[PersonalCiphertext]) -> Sequence[Mapping[str, str] | None]:
        """The personal data of events, by field, from ciphertexts that a read model keeps; without
        any value if the person was erased, None if the key has not arrived.
        """
        ...

    async def create_person_key(self, tenant_id: TenantId, person_id: UUID) -> None:
        """Creates the key of a person without one. Events with personal data do so by themselves;
        this is for a person from before the encryption. Does nothing for an erased person, in a
        service that does not create keys, and in memory.
        """
        ...

    async def destroy_person_key(self, tenant_id: TenantId, person_id: UUID) -> None:
        """Destroys the key of a person, so that their personal data in events, on topics and in
        dead letters reads as empty text in every service. Repeated, publishes the mark again. Does
        nothing in a service that does not create keys, and in memory.
        """
        ...

    async def flush(self) -> None:
        """Stores the events recorded so far, so that `rows` shows their effect. The commit flushes
        too; most handlers never call this.

        Raises ConcurrencyConflict.
        """
        ...


class UnitsOfWork(Protocol):
    """Opens units of work. One per process and pool."""

    def begin(
        self, cause: Cause | None = None, *, preconditions: Sequence[Precondition] = ()
    ) -> AbstractAsyncContextManager[UnitOfWork]:
        """Opens a transaction for the bound tenants (`waypost.kernel.tenant`); commits at the end
        of the block, rolls back on an error.

        The preconditions run in the same round trip, in their order: see
        `UnitOfWork.preconditions_passed`.

        Without a `cause` the bound one is used (`waypost.kernel.cause`). After the commit the
        wake-up sender wakes relays and job workers. Raises NoTenantBound, and Transient if the
        database is unavailable.
        """
        ...
