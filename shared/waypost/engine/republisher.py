"""Publishes events of the event store that a topic does not have, because the topic lost them or
was recreated.

Per aggregate, records on the topic that are in version order from the first one stay as they are.
Every later event is published, in order, with its original id. A killed run can therefore be
repeated, and a complete topic is not changed. Events that the relay publishes meanwhile, or has
published ahead of their missing predecessors, arrive twice. A consumer stores an event without its
predecessor as an out-of-order dead letter, and skips duplicates.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from waypost.engine.failpoints import failpoint
from waypost.engine.rate import Rate
from waypost.kernel.errors import Transient
from waypost.kernel.header_forms import SEQUENCE
from waypost.ports.broker import Broker, OutgoingRecord, Publisher, TopicUnavailable
from waypost.ports.stored_records import StoredRecords
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import TopicLog, records_until

AFTER_CHUNK = failpoint("republish.after_chunk")

CHUNK = 500
SEND_SECONDS = 10.0
MAX_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Republished:
    topic: str
    stored: int
    """Events that the store has for this topic."""
    missing: int
    """The stored events that are missing on the topic."""
    published: int
    seconds: float


async def republish(
    topic: str,
    store: StoredRecords,
    log: TopicLog,
    broker: Broker,
    *,
    before_first: Callable[[], Awaitable[None]],
    rate: Rate,
    dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda checked, of: None,
) -> Republished:
    """Republishes the missing events of one topic.

    `before_first` is awaited before the first record is sent. A dry run only counts. Raises
    TopicUnavailable, RecordsRejected and Transient.
    """
    started_at, checked, missing, of = time.monotonic(), 0, 0, await store.count()
    reached, sender = await _reached(log), _Sender(broker)
    try:
        async for chunk in store.all(rate.at_once(CHUNK)):
            records = [stored.record for stored in chunk if stored.version > reached.get(stored.record.key, 0)]
            if records and not dry_run:
                if missing == 0:
                    await before_first()
                await sender.send(records)
                AFTER_CHUNK.hit()
                await rate.after(len(records))
            checked, missing = checked + len(chunk), missing + len(records)
            progress(checked, max(of, checked))
    finally:
        await sender.close()
    published = 0 if dry_run else missing
    return Republished(
        topic=topic, stored=checked, missing=missing, published=published, seconds=time.monotonic() - started_at
    )


async def _reached(log: TopicLog) -> dict[bytes, int]:
    """By key, the version up to which the topic holds the aggregate's events without a gap. Needs
    100 bytes per key.
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
    """Sends with retries. A producer cannot be used after an error: a new one sends the same
    records again, so that some may arrive twice.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._publisher: Publisher | None = None
        self._stack = AsyncExitStack()

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    publisher = await self._open()
                    return await publisher.send(records)
            except TopicUnavailable:
                raise
            except (Transient, TimeoutError) as error:
                await self.close()
                if attempt == MAX_ATTEMPTS:
                    raise Transient(f"the broker did not acknowledge the records: {error!r}") from error
            await asyncio.sleep(attempt)
        return None

    async def _open(self) -> Publisher:
        if self._publisher is None:
            self._publisher = await self._stack.enter_async_context(self._broker.publisher())
        return self._publisher

    async def close(self) -> None:
        self._publisher = None
        await self._stack.aclose()
