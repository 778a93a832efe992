"""Encoding and decoding of events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from waypost.kernel.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedEvent:
    """An event's value and the id of its schema."""

    schema_id: int
    payload: bytes
    """Confluent framing: 0x00, four-byte big-endian schema id, Avro body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSchema:
    """One version of a published schema."""

    schema_id: int
    version: int
    definition: Mapping[str, Any]
    """The Avro schema, docs included."""


class EventCodec(Protocol):
    """Converts events to bytes and back."""

    def encode(self, event: Event) -> EncodedEvent:
        """Encodes an event in the oldest schema version that holds it, so that older releases
        read it too. Raises Permanent if it does not fit its schema; called before the insert, so
        that the transaction fails too.
        """
        ...

    def decode(self, event_type: str, payload: bytes) -> Event:
        """Decodes a value as the newest class of its type; older versions are resolved and upcast.
        Raises UndecodableRecord only.
        """
        ...

    @property
    def topics(self) -> frozenset[str]:
        """Topics of this release's events; other topics of the cluster belong to other tools."""
        ...

    @property
    def personal_types(self) -> frozenset[str]:
        """Types of this release's events that have fields with personal data."""
        ...

    def knows(self, event_type: str) -> bool:
        """False for a type that this release does not know: such records are skipped and counted,
        not failed.
        """
        ...

    def schema_of(self, kind: type[Event]) -> PublishedSchema:
        """The newest schema of this class; `encode` may choose an older one. Raises Permanent for
        a class without a published schema.
        """
        ...
