"""Read rows made anew beside the live ones, and the swap."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Conflict, Transient
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.subscription import Partition


class RebuildRuns(Conflict):
    """A migration, or another rebuild, changes this database's schemas; one at a time."""


class LiveIsAhead(Transient):
    """The live consumer has taken in records that were not read yet: read on, then swap again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One row of the store. Decoded only where a handler wants it."""

    aggregate_type: str
    aggregate_id: UUID
    version: int
    tenant_id: TenantId
    envelope: Envelope[Event] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One table, before and after."""

    table: str
    live_rows: int | None
    """None where the live schema has no such table."""
    new_rows: int
    live_hash: int | None
    new_hash: int
    """Of all rows, whatever their order."""

    @property
    def equal(self) -> bool:
        """Row for row; false as well where the columns differ."""
        return (self.live_rows, self.live_hash) == (self.new_rows, self.new_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonReport:
    """What speaks for and against the swap."""

    comparisons: Sequence[Comparison]
    live_dead_letters: int
    new_dead_letters: int
    """Letters that are not settled: more than live means that this release handles less."""
    unprotected: Sequence[str]
    """Tables without forced row-level security, or without the application's grants."""


class Swap(Protocol):
    """One transaction in which the live consumer stands still. It is rolled back unless `complete`
    was called.
    """

    live: Mapping[Partition, ConsumerPosition]
    transactions: ConsumerTransactions
    """Take records into the new tables, inside this transaction."""

    async def compare(self, tenants: Iterable[TenantId]) -> ComparisonReport:
        """Compares every row of these tenants, old and new."""
        ...

    async def complete(self) -> None:
        """The new tables take the live ones' name, and with them their letters and parked keys.
        Live's position and inbox stay.

        Raises LiveIsAhead where it has begun with a partition that `live` does not name.
        """
        ...


class Shadow(Protocol):
    """The new tables of one projector, in a schema of their own; dropped at the end unless they
    went live.
    """

    name: str
    """The consumer's name with `~new` behind it."""
    transactions: ConsumerTransactions
    """The guard absorbs what is at or below it, as often as it comes; the inbox remembers only what
    has no sequence.
    """

    async def live(self) -> Mapping[Partition, ConsumerPosition]:
        """Where the live consumer stands now."""
        ...

    async def discarded(self) -> frozenset[EventId]:
        """Events that somebody gave up for the live consumer."""
        ...

    def swap(self) -> AbstractAsyncContextManager[Swap]:
        """Raises Transient where the live consumer's rows are not to be had within 2 s."""
        ...


class HistoryTransaction(Protocol):
    """An open transaction that fills a projection's new tables."""

    @property
    def rows(self) -> AsyncConnection:
        """Finds the new tables by their bare names."""
        ...

    async def bind(self, tenants: Iterable[TenantId]) -> None:
        """Whose rows are written next."""
        ...

    async def note(self, events: Sequence[StoredEvent]) -> None:
        """That these are taken in."""
        ...


class HistorySwap(HistoryTransaction, Protocol):
    """The transaction in which nobody appends an event. It is rolled back unless `complete` was
    called.
    """

    def missing(self, size: int) -> AsyncIterator[Sequence[StoredEvent]]:
        """Those that are stored and not noted, in the order of storing."""
        ...

    async def compare(self) -> ComparisonReport:
        """Compares every row, old and new."""
        ...

    async def complete(self) -> None:
        """The new tables take the live ones' name."""
        ...


class History(Protocol):
    """The service's own events of all tenants, and the new tables of one projection; dropped at the
    end unless they went live.
    """

    async def count(self) -> int:
        """As many as `all` would give at this moment."""
        ...

    def all(self, size: int) -> AsyncIterator[Sequence[StoredEvent]]:
        """Everything stored at this moment, in the order of storing."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[HistoryTransaction]:
        """Commits at the end of the block, rolls back on an error. Raises Transient."""
        ...

    def swap(self) -> AbstractAsyncContextManager[HistorySwap]:
        """Raises Transient where the writers do not make room within 2 s."""
        ...


class HistoryShadowFactory(Protocol):
    def history(self) -> AbstractAsyncContextManager[History]:
        """Drops what an earlier rebuild left behind, and makes the tables. Raises RebuildRuns."""
        ...


class ShadowFactory(Protocol):
    def shadow(self) -> AbstractAsyncContextManager[Shadow]:
        """Drops what an earlier rebuild left behind, and makes the tables. Raises RebuildRuns."""
        ...
