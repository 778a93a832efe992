"""All that the checker knows: what each part has in its own records once the storm is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.faults.storm.operations import Operation
from waypost.kernel.event import Event

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    service: str
    tenant_id: UUID
    aggregate_id: UUID
    version: int
    event_id: UUID
    correlation_id: UUID
    """The request that started it all."""
    causation_id: UUID
    """The request, event or job that caused this directly."""
    payload: bytes = field(repr=False)
    event: Event

    @property
    def type(self) -> str:
        return self.event.type

    @property
    def topic(self) -> str:
        return self.event.topic


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRecord:
    """In the order of offsets within its partition."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes = field(repr=False)
    headers: Mapping[str, str]

    @property
    def event_id(self) -> UUID:
        return UUID(self.headers["ce_id"])

    @property
    def version(self) -> int:
        return int(self.headers["ce_sequence"])

    @property
    def place(self) -> str:
        return f"{self.topic}[{self.partition}] offset {self.offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    seconds: float
    left: Mapping[str, int]
    """What did not come to an end by itself, by name; empty where all did."""
    last: str = ""
    """What was waited for last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    operations: Sequence[Operation] = ()
    events: Sequence[StoredEvent] = ()
    records: Sequence[SeenRecord] = ()
    """Of the topics that carry versions."""
    answers: Mapping[tuple[str, str, str], Row] = field(default_factory=dict)
    """Kept beside idempotency keys: (tenant, route, key) to status and body."""
    subscriptions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Consumer to its topics, as the services declare them."""
    taken_in: Mapping[str, frozenset[UUID]] = field(default_factory=dict)
    """Consumer to the events in its table of processed messages."""
    guards: Mapping[tuple[str, str, UUID], int] = field(default_factory=dict)
    """(consumer, topic, aggregate) to the version that it has reached."""
    directories: Mapping[str, frozenset[UUID]] = field(default_factory=dict)
    """Service to the tenants that it knows."""
    customers: Sequence[Row] = ()
    recipients: Sequence[Row] = ()
    attempts: Sequence[Row] = ()
    """At moving money."""
    invoices: Sequence[Row] = ()
    postings: Sequence[Row] = ()
    windows: Sequence[Row] = ()
    """Daily totals of the live view."""
    jobs: Sequence[Row] = ()
    """What became of each, with `service`."""
    charges: Sequence[Row] = ()
    """The provider's own, refunds in them."""
    mails: Sequence[Row] = ()
    """The mailbox's own."""
    rebuilt: Mapping[str, bool] = field(default_factory=dict)
    """Read model to whether it equals what a replay makes of its topic or its events."""
    settled: Settled = field(default_factory=lambda: Settled(seconds=0.0, left={}))

    def of_type(self, *types: str) -> Sequence[StoredEvent]:
        return [each for each in self.events if each.type in types]
