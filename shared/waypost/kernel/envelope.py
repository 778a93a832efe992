"""What surrounds an event: who, when, which version of what, and the trace that caused it
(CloudEvents 1.0 attributes).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from waypost.kernel.cause import Cause
from waypost.kernel.event import Event
from waypost.kernel.ids import EventId, TenantId

E = TypeVar("E", bound=Event, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope(Generic[E]):
    """One event with its metadata, as handlers see it: the same whether it comes from the store or
    from a topic.
    """

    event: E
    event_id: EventId
    tenant_id: TenantId
    aggregate_id: UUID
    aggregate_version: int
    """`ce_sequence`: 1, 2, 3 … without gaps for one aggregate; 0 on a topic that keeps no versions.
    """
    occurred_at: datetime
    source: str
    """`/services/<service>` that published it."""
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of a topic, as the broker gave it; nothing in it has been believed yet."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
