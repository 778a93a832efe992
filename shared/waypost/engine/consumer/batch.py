"""State shared by the steps of one consumer transaction."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from uuid import UUID

from waypost.engine.consumer.guard import Decision
from waypost.engine.consumer.message import Message
from waypost.kernel.ids import TenantId
from waypost.ports.dead_letters import Failure
from waypost.ports.subscription import Partition


@dataclass(slots=True, kw_only=True)
class Batch:
    """Records of one partition, processed by one transaction."""

    partition: Partition
    expected: int
    """The consumer position at which this batch is the next one."""
    topic_id: UUID | None
    """Id of the records' topic: an offset is not valid for another topic of the same name."""
    messages: Sequence[Message]
    failures: Mapping[int, Failure] = field(default_factory=dict)
    """Failures by offset, from an earlier transaction over the same records."""
    starts: int = 0
    """The count that the fence stores; see `ConsumerPosition.starts`."""
    last_record: bytes | None = None
    """Identity of the last record, once the batch has moved the position. A batch whose first
    transaction failed before has none: its copies move the position.
    """

    redriven: bool = False
    """Whether an operator redrives the batch, perhaps long after its records were published."""

    step: str = "begin"
    """The current step, for the log and to distinguish a handler's error from the consumer's own.
    """
    handling: Message | None = None
    """The message whose handler runs, where a handler gets one event at a time."""
    claimed: list[Message] = field(default_factory=list)
    parked: frozenset[bytes] = frozenset()
    waiting_versions: Mapping[bytes, frozenset[int]] = field(default_factory=dict)
    """Versions of parked keys that dead letters hold."""
    decisions: Sequence[tuple[Message, Decision]] = ()
    exceptions: Sequence[tuple[Message, Decision]] = ()
    """The decisions other than HANDLED, which are few."""
    newly_parked: Set[bytes] = frozenset()
    to_schedule: Set[bytes] = frozenset()
    deferred: frozenset[int] = frozenset()
    """Offsets of records that stay on the topic."""
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    @classmethod
    def of_one(cls, message: Message, *, step: str, redriven: bool = False) -> "Batch":
        """A batch of one message outside the partition's flow: the consumer position does not
        change.
        """
        record = message.record
        return cls(
            partition=Partition(record.topic, record.partition),
            expected=record.offset,
            topic_id=None,
            messages=[message],
            redriven=redriven,
            step=step,
        )

    @property
    def next_offset(self) -> int:
        return self.messages[-1].record.offset + 1

    @property
    def tenants(self) -> frozenset[TenantId]:
        """Tenants whose rows the handlers may access."""
        return frozenset({message.envelope.tenant_id for message in self.to_handle if message.envelope is not None})

    @property
    def to_handle(self) -> Sequence[Message]:
        """Messages for a handler, unless the claim or the guard excludes them."""
        with_handler = [message for message in self.messages if message.envelope is not None]
        if not self.failures:
            return with_handler
        return [message for message in with_handler if message.record.offset not in self.failures]

    @property
    def sequenced(self) -> Set[UUID]:
        """Aggregates whose claimed events have a sequence."""
        return {
            attributes.aggregate_id
            for message in self.claimed
            if (attributes := message.attributes) is not None and attributes.sequence is not None
        }

    def decided_as(self, decision: Decision) -> Sequence[Message]:
        return [message for message, made in self.decisions if made is decision]

    def run_after_commit(self) -> None:
        """Runs the callbacks that handlers registered for after the commit."""
        for callback in self.after_commit:
            callback()

    def retried(self, failures: Mapping[int, Failure] | None = None) -> "Batch":
        """The same records for another transaction, with these failures or the present ones."""
        return Batch(
            partition=self.partition,
            expected=self.expected,
            topic_id=self.topic_id,
            messages=self.messages,
            failures=self.failures if failures is None else failures,
            starts=self.starts,
        )

    def stripped(self, refused: Exception) -> "Batch":
        """The same record without key and headers. Only for a batch of one record."""
        batch = self.retried({})
        batch.last_record = self.last_record  # of the record as the topic has it
        batch.messages = [message.stripped(refused) for message in self.messages]
        return batch

    def split(self, *, singly: bool = False) -> "Iterator[Batch]":
        """The same records as several batches, each with at most one message for a handler;
        with `singly`, exactly one message each.
        """
        return self._cut(end for end, message in enumerate(self.messages, start=1) if singly or message.has_handler)

    def around(self, message: Message) -> "Iterator[Batch]":
        """The same records as up to four batches: the ones before this message, it, and two halves
        of the ones after it. Where many messages fail, the batches soon become small.
        """
        index = next(index for index, each in enumerate(self.messages) if each is message)
        return self._cut((index, index + 1, (index + 2 + len(self.messages)) // 2))

    def head(self, events: int) -> "tuple[Batch, Batch | None]":
        """The first records, with at most this many messages for a handler, and the rest."""
        beyond = [index for index, message in enumerate(self.messages) if message.has_handler][events:]
        if not beyond:
            return self, None
        head, rest = self._cut(beyond[:1])
        return head, rest

    def _cut(self, ends: Iterable[int]) -> "Iterator[Batch]":
        """Batches that end after so many messages; the last one has the others."""
        begin = 0
        for end in (*ends, len(self.messages)):
            if end > begin:
                yield self._part(begin, end)
                begin = end

    def _part(self, begin: int, end: int) -> "Batch":
        return Batch(
            partition=self.partition,
            expected=self.messages[begin - 1].record.offset + 1 if begin else self.expected,
            topic_id=self.topic_id,
            messages=self.messages[begin:end],
            failures=self.failures,
            starts=self.starts,
        )
