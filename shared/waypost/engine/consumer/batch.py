"""The state that the steps of one intake share."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from waypost.engine.consumer.guard import Verdict
from waypost.engine.consumer.message import Message
from waypost.kernel.ids import TenantId
from waypost.ports.dead_letters import Failure
from waypost.ports.subscription import Partition


@dataclass(slots=True, kw_only=True)
class Batch:
    """Records of one partition that are taken in by one transaction."""

    partition: Partition
    expected: int
    """Where the consumer must stand for this batch to be its next one."""
    topic_id: UUID | None
    """Of the topic that its records are of: an offset means nothing in another one of that name."""
    messages: Sequence[Message]
    failures: Mapping[int, Failure] = field(default_factory=dict)
    """By offset: handlers that have failed in an earlier transaction over the same records."""
    starts: int = 0
    """What the fence leaves in the position's row; see `Standing.starts`."""

    redriven: bool = False
    """Whether an operator has it handled, long after its time perhaps."""

    step: str = "begin"
    """Where it is, for the log and to tell a handler's error from ours."""
    claimed: list[Message] = field(default_factory=list)
    parked: frozenset[bytes] = frozenset()
    judged: Sequence[tuple[Message, Verdict]] = ()
    newly_parked: Collection[bytes] = ()
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    @classmethod
    def of_one(cls, message: Message, *, step: str, redriven: bool = False) -> "Batch":
        """Apart from its partition's flow: nobody's position moves with it."""
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
        """Those whose rows its handlers may touch."""
        return frozenset(each.envelope.tenant_id for each in self.wanted if each.envelope)

    @property
    def wanted(self) -> Sequence[Message]:
        """What a handler would run for, unless the claim or the guard says otherwise."""
        return [message for message in self.messages if message.wanted and message.record.offset not in self.failures]

    def with_verdict(self, verdict: Verdict) -> Sequence[Message]:
        return [message for message, each in self.judged if each is verdict]

    def follow_up(self) -> None:
        """What its handlers left to be done once they are committed."""
        for each in self.after_commit:
            each()

    def again(self, failures: Mapping[int, Failure] | None = None) -> "Batch":
        """The same records for another transaction."""
        return Batch(
            partition=self.partition,
            expected=self.expected,
            topic_id=self.topic_id,
            messages=self.messages,
            failures=self.failures if failures is None else failures,
            starts=self.starts,
        )

    def stripped(self, refused: Exception) -> "Batch":
        """The same record without what its dead letter may not hold. For a batch of one record."""
        batch = self.again({})
        batch.messages = [message.stripped(refused) for message in self.messages]
        return batch

    def one_by_one(self, *, each_alone: bool = False) -> "Iterator[Batch]":
        """The same records, with at most one in each transaction that a handler would run for; or
        with one at all.
        """
        expected, begin = self.expected, 0
        for end, message in enumerate(self.messages, start=1):
            if each_alone or message.wanted or end == len(self.messages):
                part = self.messages[begin:end]
                yield Batch(
                    partition=self.partition,
                    expected=expected,
                    topic_id=self.topic_id,
                    messages=part,
                    starts=self.starts,
                )
                expected, begin = message.record.offset + 1, end
