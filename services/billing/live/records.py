"""Records as Faust hands them over, one after the other and none left out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import faust
from faust.types import EventT, HeadersArg, StreamT

from shared.kernel.envelope import Record
from shared.kernel.errors import WaypostError

Handle = Callable[[Record], Awaitable[None]]


class RecordsPassedOver(WaypostError):
    """Faust left records out. None after them may be counted first: an entry says up to where it has counted, and has no gaps."""


class HandledEvent(faust.Event):
    """Acknowledged once it was handled. Faust would do it also with what it skips in a rebalance, and with what is in hand at a stop."""

    handled = False

    def ack(self) -> bool:
        return super().ack() if self.handled else False


async def each_in_order(stream: StreamT[bytes], handle: Handle) -> None:
    """Raises RecordsPassedOver, and what the handler raises; the record is not acknowledged then, nor any after it."""
    expected: dict[tuple[str, int], int] = {}
    async for event in stream.events():
        message = event.message
        place = (message.topic, message.partition)
        if message.offset > expected.get(place, message.offset):
            raise RecordsPassedOver(topic=message.topic, partition=message.partition, offset=message.offset)
        await handle(_record(event))
        expected[place] = message.offset + 1
        if isinstance(event, HandledEvent):
            event.handled = True
        await stream.ack(event)


def _record(event: EventT[bytes]) -> Record:
    message = event.message
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=int(message.timestamp * 1000),
        key=message.key,
        value=message.value,
        headers=_pairs(message.headers),
    )


def _pairs(headers: HeadersArg | None) -> Sequence[tuple[str, bytes]]:
    return list(headers.items() if isinstance(headers, Mapping) else headers or ())
