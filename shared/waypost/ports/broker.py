"""Publishing records to the broker."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from waypost.kernel.cloudevents import Headers
from waypost.kernel.errors import Permanent, Transient


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
    """A topic does not exist, or not for this client. No record of the call was sent."""

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(f"topic {topic} is not available: {reason}", topic=topic, reason=reason)
        self.topic = topic


class Publisher(Protocol):
    """One idempotent producer. It cannot be used after an error: close it and open a new one."""

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Returns when every record is in the logs of all in-sync replicas (`acks=all`, KIP-98).

        A record is sent to the partition that `waypost.kernel.partitioner` computes. Records of
        one partition keep the given order, with one batch in flight at a time, also over calls that
        overlap: the calls' order is that in which they begin. A partition with an error, or with a
        cancelled call, gets no record of a later call; that call raises Transient.

        Raises TopicUnavailable before anything is sent, RecordsRejected, and Transient. After an
        error or a cancellation, any of the records may be in the log, or may still arrive there.
        """
        ...


class Broker(Protocol):
    """Opens producers."""

    def publisher(self) -> AbstractAsyncContextManager[Publisher]:
        """A new producer. Closing it takes up to 2 s in any state of the broker. Raises Transient
        if no broker answers.
        """
        ...
