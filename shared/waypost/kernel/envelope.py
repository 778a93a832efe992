"""An event with its metadata (CloudEvents 1.0 attributes), and the raw record of a topic."""

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from waypost.kernel.cause import Cause
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId

E = TypeVar("E", bound=Event, covariant=True)


class Envelope(NamedTuple, Generic[E]):
    """An event with its metadata, as handlers receive it; the same from the event store and from a
    topic.

    A named tuple, like each object of which a consumer creates one per record: it is immutable, and
    created four times as fast as a frozen dataclass.
    """

    event: E
    event_id: EventId
    tenant_id: TenantId
    aggregate_id: UUID
    aggregate_version: int
    """`ce_sequence`: 1, 2, 3 … without gaps for one aggregate; 0 on a topic without versions."""
    occurred_at: datetime
    source: str
    """The publishing service, as `/services/<service>`."""
    cause: Cause


class Record(NamedTuple):
    """A record of a topic as the broker returned it; not validated."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
