"""Rebuilds of async projections: shadow tables beside the live ones, and the swap."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from waypost.kernel.errors import Conflict, Transient
from waypost.kernel.ids import TenantId
from waypost.ports.consumer_transaction import ConsumerTransaction, ConsumerTransactions
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.operator_decisions import OperatorDecisions
from waypost.ports.subscription import Partition

WRITERS = 3
"""Transactions that one process of a rebuild has open at a time: while one waits for the database,
the records of another are read and decoded.
"""


class RebuildRuns(Conflict):
    """A migration or another rebuild is changing this database's schemas; only one may run at a
    time.
    """


class ShadowBehind(Transient):
    """The live consumer has processed records that the rebuild has not read: read them, then swap
    again.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One table, live and rebuilt."""

    table: str
    live_rows: int | None
    """None if the live schema has no such table."""
    new_rows: int
    live_hash: int | None
    new_hash: int
    """Hash over all rows, independent of their order."""

    @property
    def equal(self) -> bool:
        """Whether all rows are equal; False if the columns differ."""
        return (self.live_rows, self.live_hash) == (self.new_rows, self.new_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonReport:
    """The facts that decide a swap."""

    comparisons: Sequence[Comparison]
    live_dead_letters: int
    new_dead_letters: int
    """Open dead letters: more than live means that this release handles fewer records."""
    missing_aggregates: int
    """Aggregates of which the live consumer has processed events that the topics do not hold any
    more.
    """
    missing_rows: int
    """Live rows that the new tables lack, or have with a value in a column that is null in the live
    row. Of a projection that is repeatable and whose tables the owner reads over all tenants; else
    0.
    """
    unprotected: Sequence[str]
    """Tables without forced row-level security or without the application's grants."""


class ShadowTransaction(ConsumerTransaction, Protocol):
    """An open transaction that writes an async projection's new tables."""

    async def bind(self, tenants: Iterable[TenantId]) -> None:
        """Binds the transaction to the tenants of the next rows."""
        ...


class ShadowTransactions(ConsumerTransactions, Protocol):
    """Transactions of a shadow."""

    def begin(self, tenants: Iterable[TenantId]) -> AbstractAsyncContextManager[ShadowTransaction]:
        """As for every consumer."""
        ...


class LivePositions(Protocol):
    """A transaction that sees the live rows, and the positions up to which they were written."""

    live: Mapping[Partition, ConsumerPosition]
    shadow: Mapping[Partition, ConsumerPosition]
    """The shadow's positions as stored now: after a crash of the server, commits may be missing."""
    transactions: ShadowTransactions
    """Process records into the new tables, inside this transaction."""


class Snapshot(LivePositions, Protocol):
    """One transaction on one snapshot of the live rows. It locks nothing that a consumer writes,
    and is always rolled back.
    """

    async def compare(self, tenants: Iterable[TenantId]) -> ComparisonReport:
        """Compares every live and new row of these tenants."""
        ...


class Swap(LivePositions, Protocol):
    """One transaction that locks out the live consumer. Rolled back unless `complete` was
    called.
    """

    async def operator_decisions(self) -> OperatorDecisions:
        """The decisions for the live consumer, now that no dead letter can be discarded."""
        ...

    async def check(self, comparison: ComparisonReport) -> ComparisonReport:
        """The comparison with the dead letters and the protection of the tables as they are now.
        Reads no row of the tables.
        """
        ...

    async def complete(self) -> None:
        """Renames the new tables to the live name, with their dead letters and parked keys. The
        live position and inbox stay.

        Raises ShadowBehind if the live consumer has begun a partition that `live` does not name,
        and Conflict if an adopted event fails with the new rows.
        """
        ...


class Shadow(Protocol):
    """The new tables of one async projection, in a separate schema; dropped at the end unless they
    were swapped in.
    """

    name: str
    """The consumer's name with the suffix `~new`."""

    def transactions(self) -> AbstractAsyncContextManager[ShadowTransactions]:
        """Transactions of the shadow, `WRITERS` at a time, on connections of the calling process.

        The guard skips versions at or below its own; the inbox remembers only events without a
        sequence. A commit does not wait for the disk: a crash of the server may undo the last ones,
        which the positions in `swap` show.
        """
        ...

    async def live(self) -> Mapping[Partition, ConsumerPosition]:
        """The live consumer's positions now."""
        ...

    async def operator_decisions(self) -> OperatorDecisions:
        """The decisions for the live consumer so far."""
        ...

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """Opens the transaction that compares. Raises Transient."""
        ...

    def swap(self) -> AbstractAsyncContextManager[Swap]:
        """Opens the swap. Raises Transient if the live consumer's rows cannot be locked within
        2 s.
        """
        ...


class ShadowFactory(Protocol):
    """Opens rebuilds of one async projection."""

    def shadow(self) -> AbstractAsyncContextManager[Shadow]:
        """Drops the tables of an unfinished rebuild and creates new ones. Raises RebuildRuns."""
        ...
