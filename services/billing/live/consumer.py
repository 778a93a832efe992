"""A Faust consumer that guarantees at-least-once processing."""

import logging
from collections.abc import Mapping, MutableMapping

from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP

TopicPartition = tuple[str, int]
"""Topic and partition."""


class AtLeastOnceConsumer(Consumer):
    """Commits only handled offsets, and exposes the start and end offsets, so that records dropped
    by Faust are detected.
    """

    logger = logging.getLogger("faust.transport")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.handled: MutableMapping[TopicPartition, int] = {}
        """Next offset after the last handled record; set by `RecordReader`."""
        self.start_offsets: Mapping[TopicPartition, int] = {}
        """First offset to read per partition since its assignment: the committed offset, or the
        earliest one.
        """

    async def perform_seek(self) -> None:
        await super().perform_seek()
        earliest = await self.earliest_offsets(*self._source_partitions())
        start_offsets = {tp: max(self._committed_offset.get(tp) or 0, offset) for tp, offset in earliest.items()}
        self.start_offsets = {(tp.topic, tp.partition): offset for tp, offset in start_offsets.items()}

    async def end_offsets(self) -> Mapping[TopicPartition, int]:
        """The end offset of each assigned source partition."""
        return {
            (tp.topic, tp.partition): offset
            for tp, offset in (await self.highwaters(*self._source_partitions())).items()
        }

    def _source_partitions(self) -> list[TP]:
        return [tp for tp in self.assignment() if tp.topic not in self.app.tables.changelog_topics]

    def _new_offset(self, tp: TP) -> int | None:
        """The offset to commit. Faust would commit all acknowledged records, among them records
        that it skipped in a rebalance, records in progress at a stop, and dropped records, which it
        takes for a gap in the log.
        """
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self.handled.get((tp.topic, tp.partition))


class AtLeastOnceTransport(Transport):
    Consumer = AtLeastOnceConsumer
