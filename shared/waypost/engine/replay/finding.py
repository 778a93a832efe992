"""Which records a reactor would be given again: those that it was given, has a handler for, and
that an operator chose.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from uuid import UUID

from waypost.engine.consumer.message import Message, Reader
from waypost.kernel.errors import Invalid
from waypost.kernel.ids import EventId
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import CLOCK_STEP, TopicLog, records_until

MOST = 50_000
"""Found events are held in memory: they are delivered in another order than they lie in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is not set does not narrow it."""

    since: datetime | None = None
    """By the time at which the event occurred, inclusive."""
    until: datetime | None = None
    """Exclusive."""
    types: frozenset[str] = frozenset()
    aggregate_id: UUID | None = None
    tenant_id: UUID | None = None

    def holds(self, message: Message) -> bool:
        about = message.attributes
        return (
            about is not None
            and (self.since is None or about.occurred_at >= self.since)
            and (self.until is None or about.occurred_at < self.until)
            and (not self.types or about.event_type in self.types)
            and self.aggregate_id in (None, about.aggregate_id)
            and self.tenant_id in (None, about.tenant_id)
        )


@dataclass(slots=True, kw_only=True)
class Found:
    read: Mapping[Partition, tuple[int, int]]
    """The offsets that were looked at, the second one not included."""
    messages: Mapping[EventId, Message] = field(default_factory=dict)
    not_handled_yet: int = 0
    """Chosen, but set aside or still to come: they have their own turn."""

    @property
    def keys(self) -> Sequence[Sequence[Message]]:
        """The events of one aggregate each, in version order; whose first event is the oldest comes
        first.
        """
        ordered = sorted(self.messages.values(), key=_place)
        keys = [list(messages) for _, messages in groupby(ordered, key=lambda each: (each.record.topic, each.key))]
        return sorted(keys, key=lambda messages: _time(messages[0]))


def _place(message: Message) -> tuple[str, bytes, int, int]:
    return message.record.topic, message.key, message.sequence or 0, message.record.offset


async def find(
    reader: Reader,
    selection: Selection,
    log: TopicLog,
    partitions: Iterable[Partition],
    transactions: ConsumerTransactions,
) -> Found:
    """Reads up to where the consumer stands. Raises Invalid for more than is held in memory, and
    Transient.
    """
    found = Found(read=await _bounds(selection, log, partitions, transactions))
    log.seek({partition: begin for partition, (begin, _) in found.read.items()})
    messages = dict[EventId, Message]()
    for partition, (_, end) in found.read.items():
        async for records in records_until(log, partition, end):
            read = reader.read_all(records)
            chosen = {each.event_id: each for each in read if each.wanted and selection.holds(each)}
            handled = await _handled(
                partition, [each for id_, each in chosen.items() if id_ not in messages], transactions
            )
            messages |= {each.event_id: each for each in handled}
            found.not_handled_yet += len(chosen.keys() - messages.keys())
            if len(messages) > MOST:
                raise Invalid(
                    f"more than {MOST} events are chosen; choose less by --from, --to, --type, --key or --tenant"
                )
    found.messages = messages
    return found


async def _bounds(
    selection: Selection, log: TopicLog, partitions: Iterable[Partition], transactions: ConsumerTransactions
) -> Mapping[Partition, tuple[int, int]]:
    ends = await log.end_offsets()
    begins: Mapping[Partition, int] = dict.fromkeys(ends, 0)
    if selection.since is not None:
        begins = {**ends, **await log.offsets_since(selection.since - CLOCK_STEP)}
    bounds = {}
    async with transactions.begin(()) as transaction:
        for partition in sorted(partitions):
            end = min(ends[partition], (await transaction.inbox.consumer_position(partition)).next_offset)
            bounds[partition] = (min(begins[partition], end), end)
    return bounds


async def _handled(
    partition: Partition, messages: Sequence[Message], transactions: ConsumerTransactions
) -> Sequence[Message]:
    """Those that the consumer is past: by the order guard, or, without sequences, where their key
    is not parked.
    """
    if not messages:
        return ()
    async with transactions.begin(()) as transaction:
        reached = await transaction.inbox.versions(
            partition.topic, {each.aggregate_id for each in messages if each.sequence is not None}
        )
        unguarded = {each.key for each in messages if each.sequence is None}
        parked = await transaction.dead_letters.parked(partition.topic, unguarded) if unguarded else frozenset()
    return [
        each
        for each in messages
        if (each.key not in parked if each.sequence is None else each.sequence <= reached.get(each.aggregate_id, 0))
    ]


def _time(message: Message) -> tuple[int, int]:
    """Records of one moment in the order of their partition."""
    return message.record.timestamp_ms, message.record.offset
