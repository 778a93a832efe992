"""The checker's input: the records of every part of the system after the storm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.faults.storm.operations import Operation
from waypost.kernel.event import Event

Row = Mapping[str, Any]

WITHOUT_VERSIONS = frozenset(("billing.revenue", "users.person_key"))
"""Topics whose records are not stored events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    service: str
    tenant_id: UUID
    aggregate_id: UUID
    version: int
    event_id: UUID
    correlation_id: UUID
    """The request that started the chain."""
    causation_id: UUID
    """The request, event or job that directly caused it."""
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
    """Records in the order of offsets within their partition."""

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
    """Work that did not finish by itself, by name; empty if all did."""
    last: str = ""
    """The last condition that was waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    operations: Sequence[Operation] = ()
    events: Sequence[StoredEvent] = ()
    records: Sequence[SeenRecord] = ()
    """Events of the topics that carry versions."""
    refilled_topics: frozenset[str] = frozenset()
    """Topics that were lost and filled again: an event of the outbox may be before older ones."""
    stored_responses: Mapping[tuple[str, str, str], Row] = field(default_factory=dict)
    """Stored with idempotency keys: (tenant, route, key) to status and body."""
    subscriptions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Consumer to its topics, as the services declare them."""
    processed: Mapping[str, frozenset[UUID]] = field(default_factory=dict)
    """Consumer to the events in its table of processed messages."""
    guards: Mapping[tuple[str, str, UUID], int] = field(default_factory=dict)
    """(consumer, topic, aggregate) to the version that it has reached."""
    directories: Mapping[str, frozenset[UUID]] = field(default_factory=dict)
    """Service to the tenants in its directory."""
    customers: Sequence[Row] = ()
    recipients: Sequence[Row] = ()
    attempts: Sequence[Row] = ()
    """Attempts to charge or refund."""
    invoices: Sequence[Row] = ()
    postings: Sequence[Row] = ()
    windows: Sequence[Row] = ()
    """Daily totals of the live view."""
    jobs: Sequence[Row] = ()
    """Job results, with `service`."""
    charges: Sequence[Row] = ()
    """Charges as the provider stores them, including refunds."""
    mails: Sequence[Row] = ()
    """Mails as the mailbox stores them."""
    rebuilt: Mapping[str, bool] = field(default_factory=dict)
    """Read model to whether it equals a replay of its topic or events."""
    settled: Settled = field(default_factory=lambda: Settled(seconds=0.0, left={}))

    def of_type(self, *types: str) -> Sequence[StoredEvent]:
        return [event for event in self.events if event.type in types]
