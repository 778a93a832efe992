"""Puts on a topic again what the event store has of it and the topic has not: it was lost, or made
anew.

Per aggregate, what lies on the topic in version order from the first one on is left as it is, and
everything behind that is published, in order, under the ids of the first time. So a run that was
killed is run again, and a whole topic is left alone. What the relay publishes meanwhile, or has
published ahead of its missing predecessors, comes twice: consumers keep it waiting, and absorb it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from waypost.engine.failpoints import failpoint
from waypost.engine.rate import Rate
from waypost.kernel.cloudevents import SEQUENCE
from waypost.kernel.errors import Transient
from waypost.ports.broker import Broker, OutgoingRecord, Publisher, TopicUnavailable
from waypost.ports.stored_records import StoredRecords
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import TopicLog, records_until

AFTER_CHUNK = failpoint("republish.after_chunk")

CHUNK = 500
SEND_SECONDS = 10.0
TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Republished:
    topic: str
    stored: int
    """Events that the store has of it."""
    missing: int
    """Of those, behind what the topic had in order."""
    published: int
    seconds: float


async def republish(
    topic: str,
    stored: StoredRecords,
    log: TopicLog,
    broker: Broker,
    *,
    note: Callable[[], Awaitable[None]],
    rate: Rate,
    dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda looked_at, of: None,
) -> Republished:
    """`note` is awaited before the first record goes out. A dry run counts alone. Raises
    TopicUnavailable, RecordsRefused, Transient.
    """
    begun, looked_at, missing, of = time.monotonic(), 0, 0, await stored.count()
    reached, sender = await _reached(log), _Sender(broker)
    try:
        async for chunk in stored.all(rate.at_once(CHUNK)):
            records = [each.record for each in chunk if each.version > reached.get(each.record.key, 0)]
            if records and not dry_run:
                if missing == 0:
                    await note()
                await sender.send(records)
                AFTER_CHUNK.hit()
                await rate.after(len(records))
            looked_at, missing = looked_at + len(chunk), missing + len(records)
            progress(looked_at, max(of, looked_at))
    finally:
        await sender.close()
    published = 0 if dry_run else missing
    return Republished(
        topic=topic, stored=looked_at, missing=missing, published=published, seconds=time.monotonic() - begun
    )


async def _reached(log: TopicLog) -> dict[bytes, int]:
    """By key, up to which version the topic tells an aggregate's story without a gap. 100 bytes a
    key.
    """
    reached: dict[bytes, int] = {}
    for partition, end in (await log.end_offsets()).items():
        async for key, version in _versions(log, partition, end):
            if version == reached.get(key, 0) + 1:
                reached[key] = version
    return reached


async def _versions(log: TopicLog, partition: Partition, end: int) -> AsyncIterator[tuple[bytes, int]]:
    async for records in records_until(log, partition, end):
        for record in records:
            version = dict(record.headers).get(SEQUENCE) or b""
            if record.key is not None and version.isdigit():
                yield record.key, int(version)


class _Sender:
    """A producer is of no more use after an error: a new one sends the same again, and what had
    come through comes twice.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._publisher: Publisher | None = None
        self._stack = AsyncExitStack()

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        for tries in range(1, TRIES + 1):
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    publisher = await self._open()
                    return await publisher.send(records)
            except TopicUnavailable:
                raise
            except (Transient, TimeoutError) as error:
                await self.close()
                if tries == TRIES:
                    raise Transient(f"the broker takes no records: {error!r}") from error
            await asyncio.sleep(tries)
        return None

    async def _open(self) -> Publisher:
        if self._publisher is None:
            self._publisher = await self._stack.enter_async_context(self._broker.publisher())
        return self._publisher

    async def close(self) -> None:
        self._publisher = None
        await self._stack.aclose()
