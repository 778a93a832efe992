"""Selects the events to replay: events that the reactor handled, has a handler for, and that match
an operator's filter.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from uuid import UUID

from waypost.engine.consumer.message import Message, MessageParser
from waypost.engine.consumer.truncation import refuse_other, refuse_truncated
from waypost.kernel.errors import Invalid
from waypost.kernel.ids import EventId
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import CLOCK_STEP, TopicLog, records_until

MAX_EVENTS = 50_000
"""Limit of selected events. The events are held in memory, because the order of delivery differs
from the order on the topic.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A filter; fields that are not set match every event."""

    since: datetime | None = None
    """Time of the event, inclusive."""
    until: datetime | None = None
    """Time of the event, exclusive."""
    types: frozenset[str] = frozenset()
    aggregate_id: UUID | None = None
    tenant_id: UUID | None = None

    def matches(self, message: Message) -> bool:
        """Whether the message's attributes match the filter; False without valid headers."""
        attributes = message.attributes
        return (
            attributes is not None
            and (self.since is None or attributes.occurred_at >= self.since)
            and (self.until is None or attributes.occurred_at < self.until)
            and (not self.types or attributes.event_type in self.types)
            and self.aggregate_id in (None, attributes.aggregate_id)
            and self.tenant_id in (None, attributes.tenant_id)
        )


@dataclass(slots=True, kw_only=True)
class SelectedEvents:
    """Events to replay."""

    read: Mapping[Partition, tuple[int, int]]
    """Offset ranges that were read, per partition; the end is exclusive."""
    messages: Mapping[EventId, Message] = field(default_factory=dict)
    not_handled_yet: int = 0
    """Matching events that the reactor has not handled: dead letters, or records after its
    position.
    """

    @property
    def keys(self) -> Sequence[Sequence[Message]]:
        """The events per aggregate, in version order; the aggregate with the oldest first event
        comes first.
        """
        ordered = sorted(self.messages.values(), key=_place)
        keys = [
            list(messages) for _, messages in groupby(ordered, key=lambda message: (message.record.topic, message.key))
        ]
        return sorted(keys, key=lambda messages: _time(messages[0]))


def _place(message: Message) -> tuple[str, bytes, int, int]:
    return message.record.topic, message.key, message.sequence or 0, message.record.offset


async def find(
    parser: MessageParser,
    selection: Selection,
    log: TopicLog,
    partitions: Iterable[Partition],
    transactions: ConsumerTransactions,
) -> SelectedEvents:
    """Reads the partitions up to the consumer position. Raises Invalid above the limit,
    LogTruncated and Transient.
    """
    positions = await _positions(partitions, transactions)
    selected = SelectedEvents(read=await _bounds(selection, log, positions))
    log.seek({partition: begin for partition, (begin, _) in selected.read.items()})
    messages = dict[EventId, Message]()
    for partition, (_, end) in selected.read.items():
        async for records in records_until(log, partition, end):
            refuse_other(partition, records, positions[partition])
            read = parser.parse_all(records)
            matching = {
                message.event_id: message for message in read if message.has_handler and selection.matches(message)
            }
            handled = await _handled(
                partition, [message for id_, message in matching.items() if id_ not in messages], transactions
            )
            messages |= {message.event_id: message for message in handled}
            selected.not_handled_yet += len(matching.keys() - messages.keys())
            if len(messages) > MAX_EVENTS:
                raise Invalid(
                    f"more than {MAX_EVENTS} events match; narrow the selection with --from, --to, --type, --key or --tenant"
                )
    selected.messages = messages
    return selected


async def _positions(
    partitions: Iterable[Partition], transactions: ConsumerTransactions
) -> Mapping[Partition, ConsumerPosition]:
    async with transactions.begin(()) as transaction:
        return {partition: await transaction.inbox.consumer_position(partition) for partition in sorted(partitions)}


async def _bounds(
    selection: Selection, log: TopicLog, positions: Mapping[Partition, ConsumerPosition]
) -> Mapping[Partition, tuple[int, int]]:
    ends = await log.end_offsets()
    begins: Mapping[Partition, int] = dict.fromkeys(ends, 0)
    if selection.since is not None:
        begins = {**ends, **await log.offsets_since(selection.since - CLOCK_STEP)}
    bounds = {}
    for partition, consumer_position in positions.items():
        refuse_truncated(partition, ends[partition], consumer_position)
        end = consumer_position.next_offset
        bounds[partition] = (min(begins[partition], end), end)
    return bounds


async def _handled(
    partition: Partition, messages: Sequence[Message], transactions: ConsumerTransactions
) -> Sequence[Message]:
    """The messages that the consumer has handled: below the guard's version or, without sequences,
    of a key that is not parked.
    """
    if not messages:
        return ()
    async with transactions.begin(()) as transaction:
        reached = await transaction.inbox.versions(
            partition.topic, {message.aggregate_id for message in messages if message.sequence is not None}
        )
        unguarded = {message.key for message in messages if message.sequence is None}
        parked = await transaction.parked_keys.parked(partition.topic, unguarded) if unguarded else frozenset()
    return [
        message
        for message in messages
        if (
            message.key not in parked
            if message.sequence is None
            else message.sequence <= reached.get(message.aggregate_id, 0)
        )
    ]


def _time(message: Message) -> tuple[int, int]:
    """Sort key: the timestamp, then the offset."""
    return message.record.timestamp_ms, message.record.offset
