"""What a service has told on one topic, out of its event store: the topic can be made of it again."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

from waypost.ports.broker import OutgoingRecord


class StoredRecord(NamedTuple):
    version: int
    record: OutgoingRecord
    """As it was published first: the same id, key, value, headers and time. Its traceparent is that
    of the transaction that stored it.
    """


class StoredRecords(Protocol):
    """Of one topic and all tenants."""

    async def count(self) -> int:
        """As many as `all` would give at this moment."""
        ...

    def all(self, size: int) -> AsyncIterator[Sequence[StoredRecord]]:
        """Everything stored at this moment, what still waits in the outbox too; each aggregate's in
        version order.
        """
        ...
