"""Events to bytes and back."""

from dataclasses import dataclass
from typing import Protocol

from shared.kernel.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedEvent:
    schema_id: int
    payload: bytes
    """Confluent framing: 0x00, four-byte big-endian schema id, Avro body."""


class EventCodec(Protocol):
    def encode(self, event: Event) -> EncodedEvent:
        """Raises Permanent when the event does not fit its schema; done before the insert, so that the transaction fails with it."""
        ...

    def decode(self, event_type: str, payload: bytes) -> Event:
        """The newest class of that type, older versions resolved and upcast. Raises UndecodableRecord, never anything else."""
        ...

    @property
    def topics(self) -> frozenset[str]:
        """Those that this release's events are on; others in the cluster belong to tools beside us."""
        ...

    def knows(self, event_type: str) -> bool:
        """False for a type this release has never heard of: such records are skipped and counted, not failed."""
        ...
