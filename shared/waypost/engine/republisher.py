"""Publishes events of the event store that a topic does not have, because the topic lost them or
was recreated.

Per aggregate, records on the topic that are in version order from the first one stay as they are.
Every later event is published, in order, with its original id. A killed run can therefore be
repeated, and a complete topic is not changed. Events that the relay publishes meanwhile, or has
published ahead of their missing predecessors, arrive twice. A consumer stores an event without its
predecessor as an out-of-order dead letter, and skips duplicates.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from waypost.engine.by_partition import by_partition
from waypost.engine.failpoints import failpoint
from waypost.engine.operator_rate import OperatorRate
from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import Transient
from waypost.kernel.header_forms import SEQUENCE
from waypost.ports.broker import Broker, OutgoingRecord, PartitionSender, Publisher
from waypost.ports.stored_records import StoredRecords
from waypost.ports.subscription import Partition
from waypost.ports.topic_log import TopicLog, records_until

AFTER_CHUNK = failpoint("republish.after_chunk")

CHUNK = 500
SEND_SECONDS = 10.0
MAX_ATTEMPTS = 5
PAUSES = Backoff(first_seconds=1.0, factor=1.5, max_seconds=5.0)


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
    rate: OperatorRate,
    dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda checked, of: None,
) -> Republished:
    """Republishes the missing events of one topic.

    `before_first` is awaited before the first record is sent. A dry run only counts. Raises
    TopicUnavailable, RecordsRejected, and Transient; also at the end, after the records of all
    other partitions, for a partition that acknowledges nothing.
    """
    started_at, checked, missing, published, of = time.monotonic(), 0, 0, 0, await store.count()
    reached, sender = await _reached(log), _Sender(broker)
    try:
        async for chunk in store.all(rate.at_once(CHUNK)):
            records = [stored.record for stored in chunk if stored.version > reached.get(stored.record.key, 0)]
            if records and not dry_run:
                if missing == 0:
                    await before_first()
                published += await sender.send(records)
                AFTER_CHUNK.hit()
                await rate.after(len(records))
            checked, missing = checked + len(chunk), missing + len(records)
            progress(checked, max(of, checked))
    finally:
        await sender.close()
    sender.require_none_failed()
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
    """Sends with retries, each partition by itself: records that one has acknowledged are not sent
    again because another failed. A producer cannot be used after an error: a new one sends the
    records that were not acknowledged, so that some may arrive twice.
    """

    def __init__(self, broker: Broker) -> None:
        self.failed: dict[Partition, Exception] = {}
        """Partitions that acknowledged nothing in several attempts. They get no later records
        either, which would be without their predecessors.
        """
        self._broker = broker
        self._publisher: Publisher | None = None
        self._stack = AsyncExitStack()

    async def send(self, records: Sequence[OutgoingRecord]) -> int:
        """Returns the number of acknowledged records. Raises TopicUnavailable, RecordsRejected, and
        Transient if no broker answers.
        """
        found = await by_partition(records, self._partitions)
        waiting = {partition: of_one for partition, of_one in found.items() if partition not in self.failed}
        sent = sum(map(len, waiting.values()))
        failures = await self._attempt(waiting)
        for attempt in range(1, MAX_ATTEMPTS):
            if not failures:
                return sent
            await self.close()
            await asyncio.sleep(PAUSES.seconds(attempt))
            failures = await self._attempt({partition: waiting[partition] for partition in failures})
        if failures:
            await self.close()
            self.failed.update(failures)
        return sent - sum(len(waiting[partition]) for partition in failures)

    def require_none_failed(self) -> None:
        """Raises Transient with the partitions that failed, and why."""
        if self.failed:
            reasons = "; ".join(f"{partition}: {error}" for partition, error in sorted(self.failed.items()))
            raise Transient(f"partitions acknowledged no records ({reasons}): repeat the command when they do")

    async def close(self) -> None:
        self._publisher = None
        await self._stack.aclose()

    async def _attempt(self, waiting: Mapping[Partition, Sequence[OutgoingRecord]]) -> Mapping[Partition, Exception]:
        """Returns the errors of the partitions that have not acknowledged all of their records."""
        publisher = await self._open()
        sends = (_send(publisher.sender(partition), records) for partition, records in waiting.items())
        outcomes = await asyncio.gather(*sends)
        return {partition: error for partition, error in zip(waiting, outcomes, strict=True) if error is not None}

    async def _partitions(self, topic: str) -> int:
        return await (await self._open()).partitions(topic)

    async def _open(self) -> Publisher:
        for attempt in range(1, MAX_ATTEMPTS):
            with contextlib.suppress(Transient):
                return await self._opened()
            await asyncio.sleep(PAUSES.seconds(attempt))
        return await self._opened()

    async def _opened(self) -> Publisher:
        if self._publisher is None:
            self._publisher = await self._stack.enter_async_context(self._broker.publisher())
        return self._publisher


async def _send(sender: PartitionSender, records: Sequence[OutgoingRecord]) -> Exception | None:
    """Returns the error after which another producer may succeed. Raises RecordsRejected."""
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await sender.send(records)
    except TimeoutError:
        return Transient(sender.held_because or f"no acknowledgement within {SEND_SECONDS:g} s")
    except Transient as error:
        return error
    return None
