"""Reads ahead of what is taken in, and holds it in memory, so that the swap finds whatever the live
consumer takes in meanwhile.
"""

from collections.abc import Iterable, Mapping, Sequence

from waypost.kernel.envelope import Record
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.rebuild import LiveIsAhead
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import TopicLog

READ_SECONDS = 0.2
READ_AHEAD_RECORDS = 20_000
"""Of one partition."""
READ_AT_ONCE = 500


class ReadAhead:
    def __init__(self, log: TopicLog, partitions: Iterable[Partition]) -> None:
        self._log = log
        self._ahead: dict[Partition, list[Record]] = {each: [] for each in partitions}

    async def below(self, partition: Partition, until: int, at_most: int) -> Sequence[Record] | None:
        """The next records; an empty answer where none came yet, None where none is left below
        `until`.
        """
        ahead = self._ahead[partition]
        if not ahead:
            if await self._log.position(partition) >= until:
                return None
            ahead += await self._read(partition)
        found = [record for record in ahead[:at_most] if record.offset < until]
        if ahead and not found:
            return None
        del ahead[: len(found)]
        return found

    async def read_on(self) -> None:
        """Up to the end of the topics, or as much as is held."""
        for partition, end in (await self._log.end_offsets()).items():
            ahead = self._ahead[partition]
            while len(ahead) < READ_AHEAD_RECORDS and await self._log.position(partition) < end:
                ahead += await self._read(partition)

    async def rest(self, live: Mapping[Partition, ConsumerPosition]) -> Mapping[Partition, Sequence[Record]]:
        """What is held below where the live consumer stands; it stays held. Raises LiveIsAhead
        where that is not all there is.
        """
        for partition, consumer_position in live.items():
            if partition not in self._ahead or await self._log.position(partition) < consumer_position.next_offset:
                raise LiveIsAhead(f"{partition} was not read up to {consumer_position.next_offset} yet")
        return {
            partition: [record for record in self._ahead[partition] if record.offset < consumer_position.next_offset]
            for partition, consumer_position in live.items()
        }

    async def _read(self, partition: Partition) -> Sequence[Record]:
        return await self._log.read(partition, max_records=READ_AT_ONCE, timeout_seconds=READ_SECONDS)
