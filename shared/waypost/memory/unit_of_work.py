"""The in-memory unit of work."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.aggregate import Aggregate
from waypost.kernel.cause import Cause, current_cause
from waypost.kernel.clock import Clock
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.kernel.repository import Repository, enveloped
from waypost.kernel.tenant import current_tenants
from waypost.memory.database import MemoryDatabase, MemoryTransaction
from waypost.memory.event_store import MemoryEventStore
from waypost.memory.jobs import MemoryJobQueue
from waypost.ports.event_store import EventStore
from waypost.ports.jobs import JobQueue
from waypost.ports.person_keys import PersonalCiphertext
from waypost.ports.unit_of_work import Precondition


class MemoryUnitOfWork(Repository):
    """`waypost.ports.consumer_transaction.Reaction`: a unit of work over one open transaction."""

    events: EventStore
    jobs: JobQueue

    def __init__(self, transaction: MemoryTransaction, service: str, clock: Clock, cause: Cause) -> None:
        self.tenants = transaction.tenants
        self.cause = cause
        self.preconditions_passed = False  # preconditions are queries, and there are no tables
        self._store = MemoryEventStore(transaction)
        super().__init__(self._store.stored_events)
        self.events = self._store
        self.jobs = MemoryJobQueue(transaction)
        self._transaction = transaction
        self._service = service
        self._clock = clock
        self._unsent: list[Envelope[Event]] = []

    @property
    def rows(self) -> AsyncConnection:
        raise NotImplementedError("there are no tables in memory")

    @property
    def written(self) -> Sequence[Envelope[Event]]:
        return list(self._unsent)

    async def query(self, statement: str, *arguments: object) -> Sequence[Mapping[str, Any]]:
        raise NotImplementedError("there are no tables in memory")

    async def personal_data(self, encrypted: Sequence[PersonalCiphertext]) -> Sequence[Mapping[str, str] | None]:
        """In memory nothing is encrypted, and there are no keys."""
        return [None for _ in encrypted]

    async def create_person_key(self, tenant_id: TenantId, person_id: UUID) -> None:
        """Does nothing: in memory nothing is encrypted."""

    async def destroy_person_key(self, tenant_id: TenantId, person_id: UUID) -> None:
        """Does nothing: in memory nothing is encrypted."""

    async def flush(self) -> None:
        for aggregate in self._aggregates.values():
            envelopes = self._envelopes(aggregate)
            if envelopes:
                await self.events.append(aggregate.aggregate_type, envelopes)
                aggregate.mark_stored()
                self._unsent.extend(envelopes)

    async def finish(self) -> None:
        await self.flush()
        tables = self._transaction.tables
        tables.outbox.update({tables.next_outbox_id(): envelope for envelope in self._unsent})

    def send_wakeups(self) -> None:
        """Does nothing: in memory there are no listeners."""

    def _envelopes(self, aggregate: Aggregate) -> Sequence[Envelope[Event]]:
        source, at = f"/services/{self._service}", self._clock.now()
        return enveloped(aggregate, tenants=self.tenants, cause=self.cause, source=source, at=at)


class MemoryUnitsOfWork:
    """`waypost.ports.unit_of_work.UnitsOfWork`."""

    def __init__(self, database: MemoryDatabase, service: str, clock: Clock) -> None:
        self._database = database
        self._service = service
        self._clock = clock

    @asynccontextmanager
    async def begin(
        self, cause: Cause | None = None, *, preconditions: Sequence[Precondition] = ()
    ) -> AsyncIterator[MemoryUnitOfWork]:
        async with self._database.transaction(current_tenants()) as transaction:
            unit = self.over(transaction, cause or current_cause())
            yield unit
            await unit.finish()
        unit.send_wakeups()

    def over(self, transaction: MemoryTransaction, cause: Cause) -> MemoryUnitOfWork:
        return MemoryUnitOfWork(transaction, self._service, self._clock, cause)
