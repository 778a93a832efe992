"""Reads ahead into memory, so that records which the live consumer processes meanwhile are
available during the swap.
"""

from collections.abc import Iterable, Mapping, Sequence

from waypost.engine.consumer.truncation import refuse_other, refuse_truncated
from waypost.kernel.envelope import Record
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.rebuild import ShadowBehind
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import TopicLog

READ_SECONDS = 0.2
READ_AHEAD_RECORDS = 20_000
"""Limit per partition."""
READ_AT_ONCE = 500


class ReadAhead:
    """Records that were read and not processed yet, per partition."""

    def __init__(self, log: TopicLog, partitions: Iterable[Partition]) -> None:
        self._log = log
        self._ahead: dict[Partition, list[Record]] = {partition: [] for partition in partitions}

    async def refuse_truncated(self, live: Mapping[Partition, ConsumerPosition]) -> None:
        """Raises LogTruncated if a log ends before the live position, and Transient."""
        ends = await self._log.end_offsets()
        for partition, consumer_position in live.items():
            refuse_truncated(partition, ends.get(partition, consumer_position.next_offset), consumer_position)

    async def below(self, partition: Partition, until: int, at_most: int) -> Sequence[Record] | None:
        """The next records below `until`; empty if none arrived yet, None if none is left."""
        ahead = self._ahead[partition]
        if not ahead:
            if await self._log.position(partition) >= until:
                return None
            ahead += await self._read(partition)
        result = ahead[:at_most]
        if result and result[-1].offset >= until:
            result = [record for record in result if record.offset < until]
            if not result:
                return None
        del ahead[: len(result)]
        return result

    async def fill(self) -> None:
        """Reads up to the end of the topics, or to the limit."""
        for partition, end in (await self._log.end_offsets()).items():
            ahead = self._ahead[partition]
            while len(ahead) < READ_AHEAD_RECORDS and await self._log.position(partition) < end:
                ahead += await self._read(partition)

    async def rest(self, live: Mapping[Partition, ConsumerPosition]) -> Mapping[Partition, Sequence[Record]]:
        """The records in memory below the live positions; they stay in memory. Raises ShadowBehind
        if some were not read yet, and LogTruncated.
        """
        for partition, consumer_position in live.items():
            if partition not in self._ahead or await self._log.position(partition) < consumer_position.next_offset:
                raise ShadowBehind(f"{partition} was not read up to {consumer_position.next_offset} yet")
        rest = {
            partition: [record for record in self._ahead[partition] if record.offset < consumer_position.next_offset]
            for partition, consumer_position in live.items()
        }
        for partition, records in rest.items():
            refuse_other(partition, records, live[partition])
        return rest

    async def _read(self, partition: Partition) -> Sequence[Record]:
        return await self._log.read(partition, max_records=READ_AT_ONCE, timeout_seconds=READ_SECONDS)
