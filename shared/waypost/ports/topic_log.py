"""Reading topics from their beginning, outside of every consumer group."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol

from waypost.kernel.envelope import Record
from waypost.ports.subscription import Partition

CLOCK_STEP = timedelta(seconds=1)
"""A record's time has milliseconds, an event's has microseconds, and a clock may be set back a
little between the two.
"""

_AT_ONCE = 500
_WAIT_SECONDS = 0.2


class TopicLog(Protocol):
    """Open, at offset 0 of its partitions."""

    async def read(self, partition: Partition, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        """The next records in offset order; none where there are none yet. Raises Transient."""
        ...

    async def position(self, partition: Partition) -> int:
        """The offset of the next record; beyond the last one read where offsets hold no records
        (compaction, transactions).
        """
        ...

    async def offsets_since(self, at: datetime) -> Mapping[Partition, int]:
        """The first record of each that was written then or later; a partition without one is left
        out. Raises Transient.
        """
        ...

    def seek(self, offsets: Mapping[Partition, int]) -> None:
        """Goes on reading there."""
        ...

    async def end_offsets(self) -> Mapping[Partition, int]:
        """Where the next record of each would be written. Raises Transient."""
        ...


class TopicLogs(Protocol):
    def opened(self, partitions: Iterable[Partition]) -> AbstractAsyncContextManager[TopicLog]:
        """Raises Transient where the broker cannot be reached."""
        ...


async def records_until(log: TopicLog, partition: Partition, end: int) -> AsyncIterator[Sequence[Record]]:
    """From where the log stands to that offset, it not included; some records at a time. Raises
    Transient.
    """
    while await log.position(partition) < end:
        records = await log.read(partition, max_records=_AT_ONCE, timeout_seconds=_WAIT_SECONDS)
        yield [each for each in records if each.offset < end]
