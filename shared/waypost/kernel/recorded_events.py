"""Envelopes of the events that an aggregate has recorded."""

from collections.abc import Sequence
from datetime import datetime

from waypost.kernel.aggregate import Aggregate
from waypost.kernel.cause import Cause
from waypost.kernel.envelope import Envelope
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.kernel.tenant import NoTenantBound


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
