"""An operator's decisions about dead letters that a rebuild must follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from waypost.kernel.ids import EventId
from waypost.ports.subscription import Partition

KeyVersion = tuple[str, bytes, int]
"""Topic, key and sequence of an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardedEvent:
    """An event whose dead letter was discarded. It counts as handled, without an effect."""

    event_id: EventId
    partition: Partition
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorDecisions:
    discarded: Sequence[DiscardedEvent]
    adopted: Mapping[KeyVersion, EventId]
    """The adopted events of version conflicts. Other events of these versions do not count."""
