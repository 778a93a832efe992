"""Reads topics from the beginning, outside every consumer group."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol

from waypost.kernel.envelope import Record
from waypost.ports.subscription import Partition

CLOCK_STEP = timedelta(seconds=1)
"""Tolerance for comparing times: a record's has milliseconds, an event's microseconds, and a clock
may be set back slightly between the two.
"""

_CHUNK = 500
_WAIT_SECONDS = 0.2


class TopicLog(Protocol):
    """An open reader, at offset 0 of its partitions."""

    async def read(self, partition: Partition, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        """The next records in offset order; empty if there are none yet. Raises Transient."""
        ...

    async def position(self, partition: Partition) -> int:
        """The offset of the next record; beyond the last record where offsets hold no records
        (compaction, transactions).
        """
        ...

    async def offsets_since(self, at: datetime) -> Mapping[Partition, int]:
        """Per partition, the offset of the first record written at or after the time; partitions
        without one are left out. Raises Transient.
        """
        ...

    async def first_offsets(self) -> Mapping[Partition, int]:
        """The offset of the oldest retained record, per partition. Raises Transient."""
        ...

    def seek(self, offsets: Mapping[Partition, int]) -> None:
        """Continues at the offsets."""
        ...

    async def end_offsets(self) -> Mapping[Partition, int]:
        """The offset of the next record to be written, per partition. Raises Transient."""
        ...


class TopicLogs(Protocol):
    """Opens readers."""

    def opened(self, partitions: Iterable[Partition]) -> AbstractAsyncContextManager[TopicLog]:
        """A reader of the partitions. Raises Transient if the broker cannot be reached."""
        ...


async def records_until(log: TopicLog, partition: Partition, end: int) -> AsyncIterator[Sequence[Record]]:
    """Yields the records from the log's position up to `end`, exclusive, in chunks. Raises
    Transient.
    """
    while await log.position(partition) < end:
        records = await log.read(partition, max_records=_CHUNK, timeout_seconds=_WAIT_SECONDS)
        yield [record for record in records if record.offset < end]
