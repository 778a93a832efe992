"""Faust's consumer, held to what it promises: at least once."""

import logging
from collections.abc import Mapping, MutableMapping

from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types import TP

TopicPartition = tuple[str, int]
"""Topic and partition."""


class AtLeastOnceConsumer(Consumer):
    """Commits what was handled, and tells where reading begins and how far it could go, so that
    what Faust drops is noticed.
    """

    logger = logging.getLogger("faust.transport")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.handled: MutableMapping[TopicPartition, int] = {}
        """Offset behind the last record that was handled; set by `records.Reading`."""
        self.start_offsets: Mapping[TopicPartition, int] = {}
        """Offsets from which the partitions are read since they were assigned: their commit, or
        their beginning.
        """

    async def perform_seek(self) -> None:
        await super().perform_seek()
        earliest = await self.earliest_offsets(*self._source_partitions())
        start_offsets = {tp: max(self._committed_offset.get(tp) or 0, offset) for tp, offset in earliest.items()}
        self.start_offsets = {(tp.topic, tp.partition): offset for tp, offset in start_offsets.items()}

    async def end_offsets(self) -> Mapping[TopicPartition, int]:
        """Where the next record of each partition would be written."""
        return {
            (tp.topic, tp.partition): offset
            for tp, offset in (await self.highwaters(*self._source_partitions())).items()
        }

    def _source_partitions(self) -> list[TP]:
        return [tp for tp in self.assignment() if tp.topic not in self.app.tables.changelog_topics]

    def _new_offset(self, tp: TP) -> int | None:
        """Faust would commit what was acknowledged: also what it skipped in a rebalance, what was
        in hand when it was stopped, and what it left out and takes for a gap in the log.
        """
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self.handled.get((tp.topic, tp.partition))


class AtLeastOnceTransport(Transport):
    Consumer = AtLeastOnceConsumer
