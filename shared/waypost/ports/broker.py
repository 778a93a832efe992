"""Where records are published."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from waypost.kernel.errors import Permanent, Transient


class OutgoingRecord(NamedTuple):
    """A tuple, since hundreds of thousands pass in a second or two."""

    topic: str
    shard: int
    """`shard_for(key)`; most topics' partitions follow from it."""
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    timestamp_ms: int
    """Unix time in milliseconds at which the fact was written."""


class RecordsRefused(Permanent):
    """The broker will not take one of these records, whenever it is asked; which one is known only
    where it stood alone.
    """

    def __init__(self, records: Sequence[OutgoingRecord], reason: str) -> None:
        super().__init__(f"{len(records)} records of {records[0].topic} were refused: {reason}", reason=reason)
        self.records = records
        self.reason = reason


class TopicUnavailable(Transient):
    """A topic is not there, or not for this client. Nothing of the call was sent."""

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(f"topic {topic} is not available: {reason}", topic=topic, reason=reason)
        self.topic = topic


class Publisher(Protocol):
    """One idempotent producer. After any error it is of no more use: end it and take a new one."""

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Returns when every record is in the logs of all in-sync replicas.

        A record goes to the partition that `waypost.kernel.partitioning` names, records of one
        partition in the order given, in batches of which one at a time is on its way. Raises
        TopicUnavailable before anything is sent, RecordsRefused, and Transient. After an error, a
        cancellation included, any of the records may be in the log, or may still arrive there.
        """
        ...


class Broker(Protocol):
    def publisher(self) -> AbstractAsyncContextManager[Publisher]:
        """A new producer. Its end takes 2 s at most, whatever state the broker is in. Raises
        Transient where no broker answers.
        """
        ...
