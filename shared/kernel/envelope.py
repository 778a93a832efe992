"""What surrounds an event: who, when, which version of what, and the trace that caused it (CloudEvents 1.0 attributes)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from shared.kernel.event import Event
from shared.kernel.ids import EventId, TenantId

E = TypeVar("E", bound=Event, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why something happens: handed from request to event to job to event. All of it survives a process."""

    correlation_id: UUID
    """The request that started it all."""
    causation_id: UUID
    """The request, event or job that caused this directly."""
    traceparent: str | None = None
    """W3C Trace Context, of the span that caused this; None where tracing is off."""
    tracestate: str | None = None
    actor_id: UUID | None = None
    """The user whose token started it, where there was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope(Generic[E]):
    """One event with its metadata, as handlers see it: the same whether it comes from the store or from a topic."""

    event: E
    event_id: EventId
    tenant_id: TenantId
    aggregate_id: UUID
    aggregate_version: int
    """`ce_sequence`: 1, 2, 3 … without gaps for one aggregate; 0 on a topic that keeps no versions."""
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
