"""The lanes of one term."""

from waypost.engine.relay.chunk import Chunk, Lane
from waypost.kernel.partitioner import shards_of
from waypost.ports.broker import Publisher
from waypost.ports.subscription import Partition


class Lanes:
    """One lane for each partition that has had rows. A lane whose send failed is replaced."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._partitions: dict[str, int] = {}
        self._lanes: dict[Partition, Lane] = {}
        self._failed: set[Partition] = set()
        """Partitions that failed since the last read began."""

    async def partitions(self, topic: str) -> int:
        """The number of partitions. Raises TopicUnavailable and Transient."""
        if topic not in self._partitions:
            self._partitions[topic] = await self._publisher.partitions(topic)
        return self._partitions[topic]

    def lane(self, partition: Partition) -> Lane:
        """The lane of a partition of a topic whose number of partitions is known."""
        lane = self._lanes.get(partition)
        if lane is None:
            shards = shards_of(partition.number, self._partitions[partition.topic])
            shard_topics = frozenset((shard, partition.topic) for shard in shards)
            self._lanes[partition] = lane = Lane(partition, shard_topics, self._publisher.sender(partition))
        return lane

    def record_failure(self, chunk: Chunk) -> None:
        """Records that a chunk failed. An unreadable row was not given to the sender, which may
        still send the chunks before it.
        """
        self._failed.add(chunk.lane.partition)
        if chunk.records and self._lanes.get(chunk.lane.partition) is chunk.lane:
            del self._lanes[chunk.lane.partition]

    def begin_read(self) -> None:
        self._failed.clear()

    def failed_during_read(self, partition: Partition) -> bool:
        return partition in self._failed
