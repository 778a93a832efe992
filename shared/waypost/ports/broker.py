"""Publishing records to the broker."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from waypost.kernel.cloudevents import Headers
from waypost.kernel.errors import Permanent, Transient
from waypost.ports.subscription import Partition


class OutgoingRecord(NamedTuple):
    """A record to publish. A tuple, because several hundred thousand are created per second."""

    topic: str
    shard: int
    """`shard_for(key)`; most topics' partitions follow from it."""
    key: bytes
    value: bytes
    headers: Headers
    timestamp_ms: int
    """Unix time in milliseconds at which the event was stored."""


class RecordsRejected(Permanent):
    """The broker can never accept one of these records; which one is known only for a single
    record.
    """

    def __init__(self, records: Sequence[OutgoingRecord], reason: str) -> None:
        super().__init__(f"{len(records)} records of {records[0].topic} were rejected: {reason}", reason=reason)
        self.records = records
        self.reason = reason


class TopicUnavailable(Transient):
    """A topic does not exist, or not for this client."""

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(f"topic {topic} is not available: {reason}", topic=topic, reason=reason)
        self.topic = topic
        self.reason = reason


class PartitionFailed(Transient):
    """This producer cannot send to a partition any more; a new one can."""

    def __init__(self, partition: Partition, reason: str) -> None:
        super().__init__(f"{partition} needs a new producer: {reason}", partition=str(partition), reason=reason)
        self.partition = partition
        self.reason = reason


class NotSent(Transient):
    """Records were not sent, because an earlier call of their sender failed."""


class PartitionSender(Protocol):
    """Sends to one partition. Unusable after an error. After RecordsRejected another sender of the
    same publisher continues; after any other error, or a cancelled call, only another publisher.
    """

    @property
    def held_because(self) -> str | None:
        """The reason while the partition accepts no records and the sender tries again; None
        otherwise.
        """
        ...

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Returns when every record is in the logs of all in-sync replicas (`acks=all`, KIP-98).

        Records keep the given order, with one batch in flight at a time, also over calls that
        overlap: the calls' order is that in which they begin. While the partition accepts no
        records (no leader, too few in-sync replicas, no permission), the same batch is sent again
        with backoff; the broker recognizes one that it has.

        Raises RecordsRejected, whose records are not in the log; NotSent after an earlier error;
        PartitionFailed; and Transient if no broker answers. After one of the last two, or a
        cancellation, any of the records may be in the log, or may still arrive there.
        """
        ...


class Publisher(Protocol):
    """One idempotent producer."""

    async def partitions(self, topic: str) -> int:
        """The number of partitions. Raises TopicUnavailable, and Transient if no broker answers."""
        ...

    def sender(self, partition: Partition) -> PartitionSender:
        """A new sender. No call of the partition's earlier one may run."""
        ...


class Broker(Protocol):
    """Opens producers."""

    def publisher(self) -> AbstractAsyncContextManager[Publisher]:
        """A new producer. Closing it takes up to 2 s in any state of the broker. Raises Transient
        if no broker answers.
        """
        ...
