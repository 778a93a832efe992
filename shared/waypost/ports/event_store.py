"""The event store: append-only streams with optimistic concurrency, from which personal data can be
erased.
"""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event


class EventStore(Protocol):
    """Reads and appends the events of aggregates. Part of one unit of work: writes are visible
    after the commit, and undone by a rollback.
    """

    async def history(
        self, aggregate_type: str, aggregate_id: UUID, *, after: int = 0, limit: int | None = None
    ) -> Sequence[Envelope[Event]]:
        """The stored events of one aggregate above version `after`, in version order, `limit` of
        them at most; empty if the bound tenants have none.
        """
        ...

    async def append(self, aggregate_type: str, envelopes: Sequence[Envelope[Event]]) -> None:
        """Stores all events or none. Raises ConcurrencyConflict if one of their versions exists."""
        ...

    async def erase_personal_data(self, aggregate_type: str, *aggregate_ids: UUID) -> None:
        """Empties the personal data in the aggregates' stored events; versions, ids, times and
        other fields stay. Encrypted events and published records are not changed: their key is
        destroyed (`UnitOfWork.destroy_person_key`).

        Takes about 0.1 ms per event, of a transaction whose length the server limits.
        """
        ...
