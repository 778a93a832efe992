"""Envelopes and records of an event, as its service would publish them."""

from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from waypost.kernel.cause import Cause
from waypost.kernel.cloudevents import to_headers, to_metadata
from waypost.kernel.envelope import Envelope, Record
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.ports.codec import EventCodec

E = TypeVar("E", bound=Event)


def envelope_of(
    event: E,
    aggregate_id: UUID | None = None,
    version: int = 1,
    *,
    at: datetime | None = None,
    cause: Cause | None = None,
    source: str | None = None,
) -> Envelope[E]:
    """An envelope with a new event id. Defaults: a new aggregate, the current time, a new request
    as the cause, the service of the topic as the source.
    """
    request = new_id()
    return Envelope(
        event=event,
        event_id=EventId(new_id()),
        tenant_id=TenantId(event.tenant_id),
        aggregate_id=aggregate_id or new_id(),
        aggregate_version=version,
        occurred_at=at or datetime.now(UTC),
        source=source or f"/services/{event.topic.partition('.')[0]}",
        cause=cause or Cause(correlation_id=request, causation_id=request),
    )


def record_of(envelope: Envelope[Event], codec: EventCodec, *, partition: int = 0, offset: int = 0) -> Record:
    """The Kafka record that a consumer would read."""
    return Record(
        topic=envelope.event.topic,
        partition=partition,
        offset=offset,
        timestamp_ms=int(envelope.occurred_at.timestamp() * 1000),
        key=str(envelope.aggregate_id).encode(),
        value=codec.encode(envelope.event).payload,
        headers=list(to_headers(to_metadata(envelope))),
    )
