"""Records as Faust hands them over, each partition's one after the other and none left out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast

import structlog
from faust.types import TP, EventT, HeadersArg, StreamT

from services.billing.live.consumer import AtLeastOnceConsumer, TopicPartition
from waypost.kernel.envelope import Record
from waypost.project import from_cluster

log = structlog.get_logger()

Handle = Callable[[Record], Awaitable[None]]


class RecordReader:
    """One agent's. Faust drops what it has fetched while it is not ready to work, in a rebalance or
    at the start, and what it drops it does not always read again: here it is noticed, when the
    stream has run dry before the partitions' ends.
    """

    def __init__(self, topic: str, handle: Handle) -> None:
        self._topic = topic
        self._handle = handle
        self._next: dict[TopicPartition, int] = {}
        self._handling = False
        self._handled = 0
        self._handled_at_last_check = -1

    async def read(self, stream: StreamT[bytes]) -> None:
        """Raises what the handler raises; the record is not committed then."""
        consumer = cast(AtLeastOnceConsumer, stream.app.consumer)
        async for event in stream.events():
            record = _record(event)
            partition = (event.message.topic, record.partition)
            if record.offset > self._next.get(partition, consumer.start_offsets.get(partition, 0)):
                continue  # others before it were dropped: it comes again, after them
            self._handling = True
            await self._handle(record)
            self._handling = False
            self._handled += 1
            self._next[partition] = consumer.handled[partition] = record.offset + 1

    async def refetch_if_stalled(self, consumer: AtLeastOnceConsumer) -> None:
        """Called every second or so: reads again where nothing has come since the last call
        although there is more.
        """
        is_idle, self._handled_at_last_check = self._handled == self._handled_at_last_check, self._handled
        if not is_idle or self._handling:
            return
        for partition, end in (await consumer.end_offsets()).items():
            position = self._next.get(partition, consumer.start_offsets.get(partition, 0))
            if partition[0] == self._topic and position < end:
                log.info("live_records_refetched", topic=partition[0], partition=partition[1], offset=position, end=end)
                await consumer.seek(TP(*partition), position)


def _record(event: EventT[bytes]) -> Record:
    message = event.message
    return Record(
        topic=from_cluster(message.topic),
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=int(message.timestamp * 1000),
        key=message.key,
        value=message.value,
        headers=_pairs(message.headers),
    )


def _pairs(headers: HeadersArg | None) -> Sequence[tuple[str, bytes]]:
    return list(headers.items() if isinstance(headers, Mapping) else headers or ())
