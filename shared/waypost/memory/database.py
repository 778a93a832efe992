"""The in-memory data of one service: transactions are atomic and run one at a time."""

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
    """Stored values are immutable, so that a shallow copy of each table is a snapshot."""

    events: dict[tuple[str, UUID, int], Envelope[Event]] = field(default_factory=dict)
    """Key: aggregate type, aggregate id and version."""
    published: tuple[Envelope[Event], ...] = ()
    """Published events, in the order of outbox ids."""
    jobs: dict[JobId, QueuedJob] = field(default_factory=dict)
    positions: dict[tuple[str, Partition], ConsumerPosition] = field(default_factory=dict)
    claimed: frozenset[tuple[str, EventId]] = frozenset()
    versions: dict[tuple[str, str, UUID], int] = field(default_factory=dict)
    dead_letters: dict[UUID, tuple[str, DeadLetter]] = field(default_factory=dict)
    """Value: the consumer's name and the dead letter, in the order of storing."""
    parked: dict[tuple[str, ParkedKey], int] = field(default_factory=dict)
    """Value: the order in which the keys were parked."""

    def snapshot(self) -> "Tables":
        return Tables(**{name: copy.copy(getattr(self, name)) for name in self.__slots__})


@dataclass(slots=True)
class MemoryTransaction:
    tables: Tables
    tenants: frozenset[TenantId]


class MemoryDatabase:
    """Keeps its data as long as the object exists: two consumers of one service share it."""

    def __init__(self) -> None:
        self.tables = Tables()
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self, tenants: Iterable[TenantId] = ()) -> AsyncIterator[MemoryTransaction]:
        """Commits at the end of the block, rolls back on an error."""
        async with self._lock:
            transaction = MemoryTransaction(self.tables.snapshot(), frozenset(tenants))
            yield transaction
            self.tables = transaction.tables
