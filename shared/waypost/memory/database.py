"""What one service keeps, in memory: transactions that see all or nothing of each other, one at a
time.
"""

import asyncio
import copy
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, JobId, TenantId
from waypost.ports.dead_letters import DeadLetter, ParkedKey
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.subscription import Partition


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    id: JobId
    name: str
    tenant_id: TenantId
    idempotency_key: str | None
    arguments: dict[str, object]


@dataclass(slots=True)
class Tables:
    """Values are never changed in place, so that a shallow copy of each table is a snapshot."""

    events: dict[tuple[str, UUID, int], Envelope[Event]] = field(default_factory=dict)
    """By aggregate type, aggregate and version."""
    published: tuple[Envelope[Event], ...] = ()
    """The outbox, in the order of its ids."""
    jobs: dict[JobId, QueuedJob] = field(default_factory=dict)
    positions: dict[tuple[str, Partition], ConsumerPosition] = field(default_factory=dict)
    claimed: frozenset[tuple[str, EventId]] = frozenset()
    versions: dict[tuple[str, str, UUID], int] = field(default_factory=dict)
    dead_letters: dict[UUID, tuple[str, DeadLetter]] = field(default_factory=dict)
    """With the consumer's name, in the order in which they were kept."""
    parked: dict[tuple[str, ParkedKey], int] = field(default_factory=dict)
    """When they were parked, as a count."""

    def snapshot(self) -> "Tables":
        return Tables(**{name: copy.copy(getattr(self, name)) for name in self.__slots__})


@dataclass(slots=True)
class MemoryTransaction:
    tables: Tables
    tenants: frozenset[TenantId]


class MemoryDatabase:
    """A restart forgets nothing as long as this object lives: two consumers of one service share
    it.
    """

    def __init__(self) -> None:
        self.tables = Tables()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self, tenants: Iterable[TenantId] = ()) -> AsyncIterator[MemoryTransaction]:
        """Commits at the end of the block, rolls back on an error."""
        async with self._turn:
            transaction = MemoryTransaction(self.tables.snapshot(), frozenset(tenants))
            yield transaction
            self.tables = transaction.tables
