"""The in-memory data of one service, with the isolation of PostgreSQL's read committed.

Modelled: a statement sees what is committed when it runs and what its own transaction has written;
rows stay locked until the end of the transaction that wrote or locked them; a second insert of a
unique key waits for the end of the first; a circle of waiting transactions is a deadlock. Not
modelled: time limits, savepoints, tenants' policies of other tables than the events, and rows that
a long statement reads while others commit.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from waypost.kernel.clock import Clock, SystemClock
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Transient
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, JobId, TenantId
from waypost.memory.rows import Row, Rows
from waypost.ports.dead_letters import DeadLetter, ParkedKey
from waypost.ports.deferrals import Deferral
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.subscription import Partition


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    id: JobId
    name: str
    tenant_id: TenantId
    idempotency_key: str | None
    arguments: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a parked key is due."""

    parked_at: datetime
    due_at: datetime
    waits: bool


@dataclass(slots=True)
class Tables:
    """Committed rows. Stored values are immutable."""

    events: dict[tuple[str, UUID, int], Envelope[Event]] = field(default_factory=dict)
    """Key: aggregate type, aggregate id and version."""
    outbox: dict[int, Envelope[Event]] = field(default_factory=dict)
    """Published events, in the order of their commits."""
    jobs: dict[JobId, QueuedJob] = field(default_factory=dict)
    positions: dict[tuple[str, Partition], ConsumerPosition] = field(default_factory=dict)
    claimed: dict[tuple[str, EventId], None] = field(default_factory=dict)
    versions: dict[tuple[str, str, UUID], int] = field(default_factory=dict)
    dead_letters: dict[UUID, tuple[str, DeadLetter]] = field(default_factory=dict)
    """Value: the consumer's name and the dead letter, in the order of storing."""
    parked: dict[tuple[str, ParkedKey], Schedule] = field(default_factory=dict)
    deferrals: dict[tuple[str, ParkedKey], Deferral] = field(default_factory=dict)


class OpenTables:
    """The tables as one open transaction sees them, and the rows that it has locked."""

    def __init__(self, database: "MemoryDatabase") -> None:
        self.ended = asyncio.Event()
        self.begun_at = database.clock.now()
        self.waits_for: OpenTables | None = None
        self._database = database
        self._locked: list[Row] = []
        tables = database.tables
        self.events = Rows("events", tables.events, self)
        self.outbox = Rows("outbox", tables.outbox, self)
        self.jobs = Rows("jobs", tables.jobs, self)
        self.positions = Rows("positions", tables.positions, self)
        self.claimed = Rows("claimed", tables.claimed, self)
        self.versions = Rows("versions", tables.versions, self)
        self.dead_letters = Rows("dead_letters", tables.dead_letters, self)
        self.parked = Rows("parked", tables.parked, self)
        self.deferrals = Rows("deferrals", tables.deferrals, self)

    def next_outbox_id(self) -> int:
        """From a sequence: a rollback leaves a gap, and a lower id may be committed later."""
        return next(self._database.outbox_ids)

    def try_lock(self, row: Row) -> bool:
        """Locks the row until the end of the transaction; False if another holds it. Raises
        Transient if the transaction has ended.
        """
        self._require_open()
        holder = self._database.locks.setdefault(row, self)
        if holder is self:
            self._locked.append(row)
        return holder is self

    async def lock(self, row: Row) -> None:
        """Waits for the row's holder. Raises Transient for a deadlock."""
        while not self.try_lock(row):
            holder = self._database.locks[row]
            _refuse_circle(self, holder)
            self.waits_for = holder
            try:
                await holder.ended.wait()
            finally:
                self.waits_for = None

    def commit(self) -> None:
        """Raises Transient if the transaction has ended."""
        self._require_open()
        changed: tuple[Rows[Any, Any], ...] = (
            self.events,
            self.outbox,
            self.jobs,
            self.positions,
            self.claimed,
            self.versions,
            self.dead_letters,
            self.parked,
            self.deferrals,
        )
        for rows in changed:
            rows.store()
        self.end()

    def _require_open(self) -> None:
        if self.ended.is_set():
            raise Transient("the server has ended this transaction")

    def end(self) -> None:
        """Releases the locks. Without a commit before, nothing was written."""
        for row in self._locked:
            self._database.locks.pop(row, None)
        self._locked.clear()
        self.ended.set()


@dataclass(slots=True)
class MemoryTransaction:
    """An open transaction, bound to tenants."""

    tables: OpenTables
    tenants: frozenset[TenantId]


class MemoryDatabase:
    """Keeps its data as long as the object exists: two consumers of one service share it."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.tables = Tables()
        self.locks: dict[Row, OpenTables] = {}
        self.outbox_ids = count(1)

    @property
    def published(self) -> Sequence[Envelope[Event]]:
        """Published events, in the order of outbox ids."""
        return [envelope for _, envelope in sorted(self.tables.outbox.items())]

    @asynccontextmanager
    async def transaction(self, tenants: Iterable[TenantId] = ()) -> AsyncIterator[MemoryTransaction]:
        """Commits at the end of the block, rolls back on an error."""
        tables = OpenTables(self)
        try:
            yield MemoryTransaction(tables, frozenset(tenants))
            tables.commit()
        finally:
            tables.end()


def _refuse_circle(waiting: OpenTables, holder: OpenTables) -> None:
    other: OpenTables | None = holder
    while other is not None:
        if other is waiting:
            raise Transient("deadlock detected")
        other = other.waits_for
