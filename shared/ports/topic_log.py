"""Reading topics from their beginning, outside of every consumer group."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from shared.kernel.envelope import Record
from shared.ports.subscription import Partition


class TopicLog(Protocol):
    """Open, at offset 0 of its partitions."""

    async def read(self, partition: Partition, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        """The next records in offset order; none where there are none yet. Raises Transient."""
        ...

    async def position(self, partition: Partition) -> int:
        """The offset of the next record; beyond the last one read where offsets hold no records (compaction, transactions)."""
        ...

    async def end_offsets(self) -> Mapping[Partition, int]:
        """Where the next record of each would be written. Raises Transient."""
        ...


class TopicLogs(Protocol):
    def opened(self, partitions: Iterable[Partition]) -> AbstractAsyncContextManager[TopicLog]:
        """Raises Transient where the broker cannot be reached."""
        ...
