"""The aggregates that one unit of work has loaded, and the envelopes of the events that they
recorded.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from waypost.kernel.aggregate import Aggregate
from waypost.kernel.cause import Cause
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import NotFound
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.kernel.tenant import NoTenantBound

A = TypeVar("A", bound=Aggregate)

StoredEvents = Callable[[str, UUID], Awaitable[tuple[TenantId, Sequence[Event]] | None]]
"""An aggregate's tenant and stored events, oldest first, by the aggregate's type and id. None if it
has no events.
"""


class Repository:
    """Base of the units of work: each aggregate is loaded once, and later loads return the same
    object.
    """

    def __init__(self, stored_events: StoredEvents) -> None:
        self._stored_events = stored_events
        self._aggregates: dict[tuple[str, UUID], Aggregate] = {}

    async def load(self, kind: type[A], id: UUID) -> A:  # noqa: A002 - the port's word
        aggregate = await self.find(kind, id)
        if aggregate is None:
            raise NotFound(f"there is no {kind.aggregate_type} {id}", aggregate_type=kind.aggregate_type, id=str(id))
        return aggregate

    async def find(self, kind: type[A], id: UUID) -> A | None:  # noqa: A002
        known = self._aggregates.get((kind.aggregate_type, id))
        if isinstance(known, kind):
            return known
        stored = await self._stored_events(kind.aggregate_type, id)
        if stored is None:
            return None
        aggregate = kind.fold(id, *stored)
        self.add(aggregate)
        return aggregate

    def add(self, aggregate: Aggregate) -> None:
        self._aggregates[aggregate.aggregate_type, aggregate.id] = aggregate


def enveloped(
    aggregate: Aggregate, *, tenants: frozenset[TenantId], cause: Cause, source: str, at: datetime
) -> Sequence[Envelope[Event]]:
    """The recorded events with the versions after the stored ones. Raises NoTenantBound if the
    aggregate's tenant is not among `tenants`.
    """
    if aggregate.recorded and aggregate.tenant_id not in tenants:
        raise NoTenantBound(
            f"{aggregate.aggregate_type} {aggregate.id} belongs to a tenant that is not bound to this work"
        )
    return [
        Envelope(
            event=event,
            event_id=EventId(new_id()),
            tenant_id=aggregate.tenant_id,
            aggregate_id=aggregate.id,
            aggregate_version=version,
            occurred_at=at,
            source=source,
            cause=cause,
        )
        for version, event in enumerate(aggregate.recorded, start=aggregate.stored_version + 1)
    ]
