"""Records as Faust hands them over, each partition's one after the other and none left out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast

import structlog
from faust.types import TP, EventT, HeadersArg, StreamT

from services.billing.live.consumer import FaithfulConsumer, Place
from waypost.kernel.envelope import Record
from waypost.project import from_cluster

log = structlog.get_logger()

Handle = Callable[[Record], Awaitable[None]]


class Reading:
    """One agent's. Faust drops what it has fetched while it is not ready to work, in a rebalance or
    at the start, and what it drops it does not always read again: here it is noticed, when the
    stream has run dry before the partitions' ends.
    """

    def __init__(self, topic: str, handle: Handle) -> None:
        self._topic = topic
        self._handle = handle
        self._next: dict[Place, int] = {}
        self._handling = False
        self._handled = 0
        self._handled_at_last_look = -1

    async def read(self, stream: StreamT[bytes]) -> None:
        """Raises what the handler raises; the record is not committed then."""
        consumer = cast(FaithfulConsumer, stream.app.consumer)
        async for event in stream.events():
            record = _record(event)
            place = (event.message.topic, record.partition)
            if record.offset > self._next.get(place, consumer.begins.get(place, 0)):
                continue  # others before it were dropped: it comes again, after them
            self._handling = True
            await self._handle(record)
            self._handling = False
            self._handled += 1
            self._next[place] = consumer.handled[place] = record.offset + 1

    async def look_again(self, consumer: FaithfulConsumer) -> None:
        """Called every second or so: reads again where nothing has come since the last call
        although there is more.
        """
        quiet, self._handled_at_last_look = self._handled == self._handled_at_last_look, self._handled
        if not quiet or self._handling:
            return
        for place, end in (await consumer.ends()).items():
            stands = self._next.get(place, consumer.begins.get(place, 0))
            if place[0] == self._topic and stands < end:
                log.info("live_reads_again", topic=place[0], partition=place[1], offset=stands, end=end)
                await consumer.seek(TP(*place), stands)


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
