"""Events to bytes and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from waypost.kernel.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedEvent:
    schema_id: int
    payload: bytes
    """Confluent framing: 0x00, four-byte big-endian schema id, Avro body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSchema:
    schema_id: int
    version: int
    definition: Mapping[str, Any]
    """The Avro schema, docs included."""


class EventCodec(Protocol):
    def encode(self, event: Event) -> EncodedEvent:
        """Raises Permanent when the event does not fit its schema; done before the insert, so that
        the transaction fails with it.
        """
        ...

    def decode(self, event_type: str, payload: bytes) -> Event:
        """The newest class of that type, older versions resolved and upcast. Raises
        UndecodableRecord, never anything else.
        """
        ...

    @property
    def topics(self) -> frozenset[str]:
        """Those that this release's events are on; others in the cluster belong to tools beside us."""
        ...

    def knows(self, event_type: str) -> bool:
        """False for a type this release has never heard of: such records are skipped and counted,
        not failed.
        """
        ...

    def schema_of(self, kind: type[Event]) -> PublishedSchema:
        """What its events are written by today. Raises Permanent for a class that has no published
        schema.
        """
        ...
