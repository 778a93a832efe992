"""Which deferred records of a key are read next."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from waypost.engine.consumer.message import Message
from waypost.ports.consumer_transaction import ConsumerTransaction
from waypost.ports.dead_letters import ParkedKey
from waypost.ports.deferrals import Deferral

MAX_SCANNED = 50_000
"""Offsets that are read at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlan:
    deferral: Deferral
    from_offset: int
    until: int
    """The consumer position."""
    space: int
    missing: range | None = None
    """The versions that the first dead letter of the key waits for. Only these are wanted then; the
    others stay deferred.
    """

    def wants(self, message: Message) -> bool:
        return self.missing is None or message.sequence in self.missing

    def is_complete(self, messages: Sequence[Message], next_offset: int) -> bool:
        return len(messages) >= self.space or next_offset - self.from_offset >= MAX_SCANNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Messages of the key, and the offset behind the last record that was read."""

    messages: Sequence[Message]
    next_offset: int
    at_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSearch:
    """The end of a search for missing versions, which found all that are before it.

    A consumer that reads the partition again from its beginning finds them by itself.
    """

    deferral: Deferral
    below: int
    """All versions below this one were missing."""
    next_offset: int

    def includes(self, plan: ReadPlan) -> bool:
        """Whether the plan can continue there."""
        is_narrower = plan.missing is not None and plan.missing.stop <= self.below
        return is_narrower and self.deferral == plan.deferral and self.next_offset <= plan.until


async def missing_versions(parked: ParkedKey, transaction: ConsumerTransaction) -> range | None:
    """The versions between the last handled one and the lowest dead letter; None without one."""
    versions = (await transaction.dead_letters.waiting_versions(parked.topic, [parked.key])).get(parked.key)
    if not versions:
        return None
    aggregate_id = UUID(parked.key.decode())  # a record with a version has the id as its key
    reached = (await transaction.inbox.versions(parked.topic, [aggregate_id])).get(aggregate_id, 0)
    lowest = min((version for version in versions if version > reached), default=None)
    return None if lowest is None else range(reached + 1, lowest)
