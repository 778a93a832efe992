"""Reads records from Faust in offset order per partition, without gaps."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast

import structlog
from faust.types import TP, EventT, HeadersArg, StreamT

from services.billing.live.consumer import AtLeastOnceConsumer, TopicPartition
from services.billing.live.newer_record import NewerRecord
from waypost.kernel.envelope import Record
from waypost.kernel.errors import NewerSchema
from waypost.ports.subscription import Partition
from waypost.project import from_cluster

log = structlog.get_logger()

Handle = Callable[[Record], Awaitable[None]]


class RecordReader:
    """The reader of one agent. Faust drops fetched records while it is not ready, at a start or in
    a rebalance, and does not always read them again. The reader detects this when the stream is
    idle before the end of a partition, and seeks back.
    """

    def __init__(self, topic: str, handle: Handle) -> None:
        self._topic = topic
        self._handle = handle
        self._next: dict[TopicPartition, int] = {}
        self._handling = False
        self._handled = 0
        self._handled_at_last_check = -1

    async def read(self, stream: StreamT[bytes]) -> None:
        """Handles each record of the stream. Raises the handler's error, and NewerRecord for
        NewerSchema; the record is then not committed.
        """
        consumer = cast(AtLeastOnceConsumer, stream.app.consumer)
        async for event in stream.events():
            record = _record(event)
            partition = (event.message.topic, record.partition)
            if record.offset > self._next.get(partition, consumer.start_offsets.get(partition, 0)):
                continue  # earlier records were dropped; this one arrives again after them
            self._handling = True
            try:
                await self._handle(record)
            except NewerSchema as newer:
                raise NewerRecord(Partition(record.topic, record.partition), record.offset, str(newer)) from newer
            self._handling = False
            self._handled += 1
            self._next[partition] = consumer.handled[partition] = record.offset + 1

    async def refetch_if_stalled(self, consumer: AtLeastOnceConsumer) -> None:
        """Called about once a second: seeks back if no record arrived since the last call although
        the partition has more.
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
