"""The records of one topic as the event store holds them, from which the topic can be refilled."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

from waypost.ports.broker import OutgoingRecord


class StoredRecord(NamedTuple):
    """One stored event as a record."""

    version: int
    record: OutgoingRecord
    """The record as it was first published: same id, key, value, headers and time. Its traceparent
    is that of the transaction that stored it.
    """


class StoredRecords(Protocol):
    """Stored records of one topic, of all tenants."""

    async def count(self) -> int:
        """The number of records that `all` would return now."""
        ...

    def all(self, size: int) -> AsyncIterator[Sequence[StoredRecord]]:
        """Every record stored now, pending outbox rows included; each aggregate's in version
        order.
        """
        ...
