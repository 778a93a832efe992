"""The service that is simulated: accounts that note things, and a charge for each note."""

import json
from dataclasses import dataclass, fields
from typing import ClassVar
from uuid import UUID

from waypost.kernel.aggregate import Aggregate
from waypost.kernel.event import Event
from waypost.ports.codec import EncodedEvent, PublishedSchema

SERVICE = "club"


@dataclass(frozen=True, slots=True)
class Noted(Event):
    """A client's command was accepted."""

    tenant_id: UUID
    command: int
    type: ClassVar[str] = "account.noted"
    topic: ClassVar[str] = "club.account"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Handled(Event):
    """The effect of a handler: each run that commits stores one, so that a second run shows."""

    tenant_id: UUID
    source: str
    """Id of the event that was handled."""
    type: ClassVar[str] = "effect.handled"
    topic: ClassVar[str] = "club.effect"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Charged(Event):
    """The effect of a job, stored once per charge."""

    tenant_id: UUID
    source: str
    type: ClassVar[str] = "charge.charged"
    topic: ClassVar[str] = "club.charge"
    schema_version: ClassVar[int] = 1
    personal: ClassVar[frozenset[str]] = frozenset()


EVENTS: dict[str, type[Noted | Handled | Charged]] = {kind.type: kind for kind in (Noted, Handled, Charged)}
TOPICS = frozenset(kind.topic for kind in EVENTS.values())


class Account(Aggregate):
    aggregate_type = "account"

    def apply(self, event: Event) -> None:
        """Keeps no state but the version."""


class Effect(Aggregate):
    aggregate_type = "effect"

    def apply(self, event: Event) -> None:
        """Keeps no state but the version."""


class Charge(Aggregate):
    aggregate_type = "charge"

    def apply(self, event: Event) -> None:
        """Keeps no state but the version."""


class PlainCodec:
    """`waypost.ports.codec.EventCodec`: JSON, because the encoding is not what is simulated."""

    topics = TOPICS
    personal_types = frozenset(kind.type for kind in EVENTS.values() if kind.personal)

    def encode(self, event: Event) -> EncodedEvent:
        values = {each.name: getattr(event, each.name) for each in fields(event)}  # type: ignore[arg-type]
        return EncodedEvent(schema_id=1, payload=json.dumps(values, default=str).encode())

    def decode(self, event_type: str, payload: bytes) -> Event:
        values = json.loads(payload)
        return EVENTS[event_type](UUID(values.pop("tenant_id")), *values.values())

    def knows(self, event_type: str) -> bool:
        return event_type in EVENTS

    def schema_of(self, kind: type[Event]) -> PublishedSchema:
        return PublishedSchema(schema_id=1, version=1, definition={"name": kind.__name__})
