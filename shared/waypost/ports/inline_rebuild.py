"""Rebuilds of inline projections: shadow tables beside the live ones, the stored events, and the
swap.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import TenantId
from waypost.ports.rebuild import ComparisonReport


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One event of the store. Decoded only if a handler needs it."""

    position: int
    """In the order of storing."""
    tenant_id: TenantId
    envelope: Envelope[Event] | None


class InlineShadowTransaction(Protocol):
    """An open transaction that writes an inline projection's new tables."""

    @property
    def rows(self) -> AsyncConnection:
        """The transaction's connection; unqualified names refer to the new tables."""
        ...

    async def bind(self, tenants: Iterable[TenantId]) -> None:
        """Binds the transaction to the tenants of the next rows."""
        ...

    async def events(self, after: int, at_most: int, *, up_to: int | None = None) -> Sequence[StoredEvent]:
        """The next events behind the position `after`, of all tenants, in the order of storing."""
        ...


class InlineSnapshot(InlineShadowTransaction, Protocol):
    """One transaction on one snapshot of events and live rows. It locks out no writer, and is
    always rolled back.
    """

    async def compare(self, tenants: Iterable[TenantId]) -> ComparisonReport:
        """Compares every live and new row of these tenants."""
        ...


class InlineSwap(InlineShadowTransaction, Protocol):
    """The transaction that locks out appends. Rolled back unless `complete` was called."""

    async def check(self, comparison: ComparisonReport) -> ComparisonReport:
        """The comparison with the protection of the tables as it is now. Reads no row of the
        tables.
        """
        ...

    async def complete(self) -> None:
        """Renames the new tables to the live name."""
        ...


class InlineShadow(Protocol):
    """The new tables of one inline projection, dropped at the end unless they were swapped in, and
    the service's own events of all tenants.
    """

    async def count(self) -> int:
        """The number of events that are stored now."""
        ...

    async def stable_position(self) -> int:
        """A position at or below which no event can still appear: the newest position of now.

        Waits for the transactions that write events now. Raises Transient if one runs longer than a
        minute.
        """
        ...

    def transaction(self) -> AbstractAsyncContextManager[InlineShadowTransaction]:
        """Commits at the end of the block, rolls back on an error. Raises Transient."""
        ...

    def snapshot(self) -> AbstractAsyncContextManager[InlineSnapshot]:
        """Opens the transaction that compares. Raises Transient."""
        ...

    def swap(self) -> AbstractAsyncContextManager[InlineSwap]:
        """Opens the swap. Raises Transient if the writers cannot be locked out within 2 s."""
        ...


class InlineShadowFactory(Protocol):
    """Opens rebuilds of one inline projection."""

    def shadow(self) -> AbstractAsyncContextManager[InlineShadow]:
        """Drops the tables of an unfinished rebuild and creates new ones. Raises RebuildRuns."""
        ...
