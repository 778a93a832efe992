"""The business transaction on PostgreSQL. Rows are written when the handler asks for them. Before
the commit it writes the events, then inline projections. Outbox rows and jobs without a key are
sent in one message with the commit.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.aggregate import Aggregate
from waypost.kernel.cause import Cause, current_cause
from waypost.kernel.clock import Clock
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event, has_personal_data
from waypost.kernel.ids import TenantId
from waypost.kernel.repository import Repository, enveloped
from waypost.kernel.tenant import current_tenants
from waypost.kernel.writes import current_writes
from waypost.ports.codec import EventCodec
from waypost.ports.event_store import EventStore
from waypost.ports.jobs import JobQueue
from waypost.ports.person_keys import PersonalCiphertext
from waypost.ports.unit_of_work import Precondition
from waypost.ports.wakeups import WakeupSender
from waypost.postgres.database import Database
from waypost.postgres.event_store import NewEvent, PostgresEventStore
from waypost.postgres.outbox import writer as outbox
from waypost.postgres.person_keys import IdentifiedEvent, KeyEvent, ProcessKeys, TransactionKeys
from waypost.postgres.sql import Sql
from waypost.telemetry.tracing import current_trace

Project = Callable[[Sequence[Envelope[Event]], AsyncConnection], Awaitable[None]]
OpenJobs = Callable[[AsyncConnection, "PostgresUnitOfWork"], JobQueue]
AdmissionCheck = Callable[[], None]
"""Raises Unavailable if the outbox is full. Called before outbox rows are added."""


def admit_all() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePath:
    """The dependencies that all units of work of one service share."""

    service: str
    codec: EventCodec
    clock: Clock
    wakeup_sender: WakeupSender
    project: Project
    """Updates the inline projections."""
    open_jobs: OpenJobs
    person_keys: ProcessKeys | None = None
    """For a service that encrypts personal data."""


class PostgresUnitOfWork(Repository):
    """`waypost.ports.unit_of_work.UnitOfWork` over an open transaction of an API route, a job or a
    consumer.
    """

    events: EventStore
    jobs: JobQueue

    def __init__(
        self, connection: AsyncConnection, path: WritePath, tenants: frozenset[TenantId], cause: Cause
    ) -> None:
        self.tenants = tenants
        self.cause = cause
        self.preconditions_passed = False
        self.woken_by_jobs = False
        self._connection = connection
        self._path = path
        self._keys = None if path.person_keys is None else TransactionKeys(connection, path.person_keys)
        self._store = PostgresEventStore(connection, path.codec, self._keys)
        super().__init__(self._store.stored_events)
        self.unsent: list[NewEvent] = []
        """Stored events, whose outbox rows are written right before the commit."""
        self.events = self._store
        self.jobs = path.open_jobs(connection, self)

    @property
    def rows(self) -> AsyncConnection:
        return self._connection

    @property
    def written(self) -> Sequence[Envelope[Event]]:
        return [event.envelope for event in self.unsent]

    async def query(self, statement: str, *arguments: object) -> Sequence[Mapping[str, Any]]:
        rows: Sequence[Any] = await Sql(self._connection).fetch(statement, *arguments)
        return rows

    async def flush(self) -> None:
        stored: list[Envelope[Event]] = []
        for aggregate in self._aggregates.values():
            events = await self._new_events(aggregate)
            await self._store.insert(aggregate.aggregate_type, events)
            aggregate.mark_stored()
            stored.extend(event.envelope for event in events)
            self.unsent.extend(events)
        if stored:
            await self._path.project(stored, self._connection)

    async def personal_data(self, encrypted: Sequence[PersonalCiphertext]) -> Sequence[Mapping[str, str] | None]:
        keys = self._keys or TransactionKeys(self._connection, ProcessKeys())
        return await keys.personal_data(encrypted)

    async def create_person_key(self, tenant_id: TenantId, person_id: UUID) -> None:
        if self._keys is not None:
            await self._keys.create(tenant_id, person_id, self._path.clock.now())
            self._publish_created_keys(tenant_id)

    async def destroy_person_key(self, tenant_id: TenantId, person_id: UUID) -> None:
        if self._keys is not None:
            destroyed = await self._keys.destroy(tenant_id, person_id, self._path.clock.now())
            self._publish_keys(tenant_id, () if destroyed is None else (destroyed,))

    async def finish(self, admit: AdmissionCheck = admit_all) -> None:
        """Flushes, and adds the outbox rows to the commit. The owner of the transaction calls it
        once, right before the commit.

        Outbox ids are allocated here, after the versions of all aggregates are inserted. The order
        by id is therefore the order by version.
        """
        await self.flush()
        if self.unsent:
            admit()
            outbox.insert_with_commit(self._connection, self.unsent, self._path.clock.now())

    def send_wakeups(self) -> None:
        """Wakes relay and job workers. The owner of the transaction calls it once, after the
        commit.
        """
        if self.unsent:
            self._path.wakeup_sender.send("outbox")
        if self.woken_by_jobs:
            self._path.wakeup_sender.send("jobs")

    async def _new_events(self, aggregate: Aggregate) -> Sequence[NewEvent]:
        envelopes, codec = self._envelopes(aggregate), self._path.codec
        if self._keys is None or not any(has_personal_data(envelope.event) for envelope in envelopes):
            return [NewEvent.of(envelope, codec) for envelope in envelopes]
        stored_as = await self._keys.storable(
            [IdentifiedEvent(envelope.event, envelope.event_id) for envelope in envelopes],
            aggregate.person_id,
            is_new=aggregate.stored_version == 0 and aggregate.person_id == aggregate.id,
            at=self._path.clock.now(),
        )
        self._publish_created_keys(aggregate.tenant_id)
        return [
            NewEvent.of(envelope, codec, stored_as=event) for envelope, event in zip(envelopes, stored_as, strict=True)
        ]

    def _publish_created_keys(self, tenant_id: TenantId) -> None:
        if self._keys is not None:
            self._publish_keys(tenant_id, self._keys.created)
            self._keys.created = []

    def _publish_keys(self, tenant_id: TenantId, events: Iterable[KeyEvent]) -> None:
        """Adds the events of keys to the outbox. They are not in the event store, which never
        forgets; the table of keys is their store.
        """
        for event, event_id, person_id in events:
            envelope = Envelope(
                event=event,
                event_id=event_id,
                tenant_id=tenant_id,
                aggregate_id=person_id,
                aggregate_version=0,
                occurred_at=self._path.clock.now(),
                source=f"/services/{self._path.service}",
                cause=self.cause,
            )
            self.unsent.append(NewEvent.of(envelope, self._path.codec))

    def _envelopes(self, aggregate: Aggregate) -> Sequence[Envelope[Event]]:
        source, at = f"/services/{self._path.service}", self._path.clock.now()
        return enveloped(aggregate, tenants=self.tenants, cause=self.cause, source=source, at=at)


class PostgresUnitsOfWork:
    """`waypost.ports.unit_of_work.UnitsOfWork` on one pool."""

    def __init__(self, database: Database, path: WritePath, *, admit: AdmissionCheck = admit_all) -> None:
        self._database = database
        self._path = path
        self._admit = admit

    @property
    def person_keys(self) -> ProcessKeys | None:
        return self._path.person_keys

    @asynccontextmanager
    async def begin(
        self, cause: Cause | None = None, *, preconditions: Sequence[Precondition] = ()
    ) -> AsyncIterator[PostgresUnitOfWork]:
        tenants = current_tenants()
        async with self._database.transaction(tenants, preconditions) as connection:
            unit = self.over(connection, tenants, cause or current_cause())
            unit.preconditions_passed = connection.preconditions_passed
            yield unit
            await unit.finish(self._admit)
        if (writes := current_writes()) is not None:
            writes.add(unit.written)
        unit.send_wakeups()

    def over(self, connection: AsyncConnection, tenants: frozenset[TenantId], cause: Cause) -> PostgresUnitOfWork:
        """A unit of work in the caller's transaction. The caller then calls `finish`, commits and
        calls `send_wakeups`. For several units it flushes each, and calls `publish` once instead of
        `finish`.

        Used by consumers: their outbox rows are written even if the outbox is full.
        """
        return PostgresUnitOfWork(connection, self._path, tenants, _traced(cause))

    async def publish(self, connection: AsyncConnection, units: Iterable[PostgresUnitOfWork]) -> None:
        """Writes the outbox rows of several flushed units with one statement."""
        if unsent := [event for unit in units for event in unit.unsent]:
            await outbox.insert(connection, unsent, self._path.clock.now())


def _traced(cause: Cause) -> Cause:
    """The cause with the current span as its trace context, if there is one."""
    trace = current_trace()
    return cause if trace is None else cause._replace(traceparent=trace.traceparent, tracestate=trace.tracestate)
