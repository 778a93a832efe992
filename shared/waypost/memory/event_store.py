"""The in-memory event store."""

from collections.abc import Sequence
from uuid import UUID

from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import ConcurrencyConflict
from waypost.kernel.event import Event, without_personal_data
from waypost.kernel.ids import TenantId
from waypost.memory.database import MemoryTransaction


class MemoryEventStore:
    """`waypost.ports.event_store.EventStore` inside one open transaction."""

    def __init__(self, transaction: MemoryTransaction) -> None:
        self._transaction = transaction

    async def history(
        self, aggregate_type: str, aggregate_id: UUID, *, after: int = 0, limit: int | None = None
    ) -> Sequence[Envelope[Event]]:
        stored = self._transaction.tables.events
        versions = sorted(version for kind, id_, version in stored if (kind, id_) == (aggregate_type, aggregate_id))
        later = [stored[aggregate_type, aggregate_id, version] for version in versions if version > after]
        return [envelope for envelope in later if envelope.tenant_id in self._transaction.tenants][:limit]

    async def stored_events(self, aggregate_type: str, aggregate_id: UUID) -> tuple[TenantId, Sequence[Event]] | None:
        """`waypost.kernel.repository.StoredEvents`."""
        history = await self.history(aggregate_type, aggregate_id)
        return (history[0].tenant_id, [envelope.event for envelope in history]) if history else None

    async def append(self, aggregate_type: str, envelopes: Sequence[Envelope[Event]]) -> None:
        stored = self._transaction.tables.events
        new = {(aggregate_type, envelope.aggregate_id, envelope.aggregate_version): envelope for envelope in envelopes}
        for key in new:
            await stored.lock(key)
        if new.keys() & stored.keys() or len(new) < len(envelopes):
            first = envelopes[0]
            raise ConcurrencyConflict(aggregate_type, first.aggregate_id, first.aggregate_version - 1)
        stored.update(new)

    async def erase_personal_data(self, aggregate_type: str, *aggregate_ids: UUID) -> None:
        for aggregate_id in aggregate_ids:
            for envelope in await self.history(aggregate_type, aggregate_id):
                key = (aggregate_type, aggregate_id, envelope.aggregate_version)
                self._transaction.tables.events[key] = envelope._replace(event=without_personal_data(envelope.event))
