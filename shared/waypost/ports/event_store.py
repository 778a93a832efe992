"""Where aggregates live: append-only streams with optimistic concurrency, in which a person can be
forgotten.
"""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event


class EventStore(Protocol):
    """Part of one unit of work: what it writes is there after the commit and nowhere after a
    rollback.
    """

    async def history(self, aggregate_type: str, aggregate_id: UUID, *, after: int = 0) -> Sequence[Envelope[Event]]:
        """The stored events of one aggregate above version `after`, in version order; empty where
        the bound tenants have none.
        """
        ...

    async def append(self, aggregate_type: str, envelopes: Sequence[Envelope[Event]]) -> None:
        """Stores them all or none. Raises ConcurrencyConflict when one of their versions is taken
        already.
        """
        ...

    async def forget_person(self, aggregate_type: str, aggregate_id: UUID) -> None:
        """Empties what identifies a person in the aggregate's stored events; their versions, ids,
        times and other fields stay. What was published before is out of its reach.
        """
        ...
