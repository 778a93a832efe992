"""The relay's producer: whole batches, idempotent, acknowledged by all in-sync replicas."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    ProducerClosed,
    RecordListTooLargeError,
)

from waypost.kafka.record_batch import FastBatch
from waypost.kafka.topics import describe, reaching
from waypost.kernel.errors import Transient
from waypost.kernel.partitioner import SHARDS, partition_for
from waypost.ports.broker import OutgoingRecord, RecordsRejected, TopicUnavailable
from waypost.project import on_cluster

BATCH_BYTES = 512 * 1024
"""Batch size before compression; a larger record is a batch by itself. Half of the broker's default
limit.
"""
START_SECONDS = 5.0
CLOSE_SECONDS = 2.0

_REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidTimestampError, PolicyViolationError)

Destination = tuple[str, int]
Batch = tuple[FastBatch, Sequence[OutgoingRecord]]


class KafkaBroker:
    """`waypost.ports.broker.Broker` on aiokafka."""

    def __init__(self, bootstrap: str, *, client_id: str = "waypost-relay") -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator["KafkaPublisher"]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id=self._client_id,
            enable_idempotence=True,
            acks="all",
        )
        try:
            with reaching(self._bootstrap):
                async with asyncio.timeout(START_SECONDS):
                    await producer.start()
            yield KafkaPublisher(producer)
        finally:
            await end_producer(producer)


class _Lane:
    """Turns in the order of the calls, one at a time. After the first that fails or is given up
    there are no more turns: the records of a later call would overtake.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._broken = False

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        try:
            async with self._turn:
                if self._broken:
                    raise Transient("records of an earlier call were not acknowledged")
                yield
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Allows no more turns."""
        self._broken = True


class KafkaPublisher:
    """`waypost.ports.broker.Publisher` over one started producer."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._partitions: dict[str, int] = {}
        self._entrance = _Lane()
        self._lanes: defaultdict[Destination, _Lane] = defaultdict(_Lane)

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Builds the batches at once, also while earlier ones are in flight."""
        async with self._entrance.turn():
            await self._load_partition_counts({record.topic for record in records})
            appending = [
                self._begin_append(destination, list(self._batches(batched)))
                for destination, batched in self._by_destination(records).items()
            ]
        try:
            await asyncio.gather(*appending)
        finally:
            for task in appending:
                task.cancel()

    def _begin_append(self, destination: Destination, batches: Sequence[Batch]) -> asyncio.Task[None]:
        """Starts to append. A task that is cancelled before its first step ends its lane, too."""
        task = asyncio.create_task(self._append(destination, batches))
        lane = self._lanes[destination]
        task.add_done_callback(lambda ended: lane.end() if ended.cancelled() else None)
        return task

    def _by_destination(self, records: Sequence[OutgoingRecord]) -> dict[Destination, list[OutgoingRecord]]:
        destinations: defaultdict[Destination, list[OutgoingRecord]] = defaultdict(list)
        for (topic, shard), group in groupby(records, key=itemgetter(0, 1)):
            partitions = self._partitions[topic]
            if SHARDS % partitions == 0:
                destinations[topic, shard % partitions].extend(group)
            else:
                for record in group:
                    destinations[topic, partition_for(record.key, partitions)].append(record)
        return destinations

    async def _append(self, destination: Destination, batches: Sequence[Batch]) -> None:
        """Sends one batch at a time: a batch sent while an earlier one is open could be appended
        although the earlier one is refused.
        """
        topic, partition = destination
        async with self._lanes[destination].turn():
            for batch, records in batches:
                try:
                    acknowledged = await self._producer.send_batch(batch, on_cluster(topic), partition=partition)
                    await acknowledged
                except _REFUSALS as error:
                    raise RecordsRejected(records, type(error).__name__) from error
                except KafkaError as error:
                    raise Transient(f"{topic}/{partition} was not acknowledged: {error!r}") from error

    async def _load_partition_counts(self, topics: set[str]) -> None:
        """Loads the partition counts of new topics, once: the count of a topic never changes.
        Raises TopicUnavailable before anything is sent.
        """
        unknown = topics - self._partitions.keys()
        if not unknown:
            return
        described = await describe(self._producer.client, unknown)
        for name in sorted(unknown):
            if name not in described:
                raise TopicUnavailable(name, "it does not exist")
            if error := described[name].error:
                raise TopicUnavailable(name, error)
            self._partitions[name] = described[name].partitions

    @staticmethod
    def _batches(records: Sequence[OutgoingRecord]) -> Iterator[Batch]:
        batch, first = FastBatch(BATCH_BYTES), 0
        for number, record in enumerate(records):
            if not _append(batch, record):
                yield batch, records[first:number]
                batch, first = FastBatch(BATCH_BYTES), number
                _append(batch, record)
        yield batch, records[first:]


def _append(batch: FastBatch, record: OutgoingRecord) -> bool:
    """False if the batch is full; an empty batch accepts any record."""
    headers = list(record.headers)  # aiokafka requires a list
    return batch.append(timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=headers) is not None


async def end_producer(producer: AIOKafkaProducer) -> None:
    """Closes a producer without a flush: senders have awaited their acknowledgements, and the next
    producer sends the abandoned records.

    `stop()` alone would wait for a frozen broker without limit, and a producer that is not stopped
    keeps retrying.
    """
    accumulator = producer._message_accumulator
    abandoned = [*accumulator._pending_batches, *chain.from_iterable(accumulator._batches.values())]
    accumulator.fail_all(ProducerClosed())
    for batch in abandoned:
        _mark_retrieved(batch.future, batch._drain_waiter)
    # KeyError: the sender looks for an abandoned batch whose request the close interrupts.
    with contextlib.suppress(TimeoutError, KafkaError, OSError, KeyError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await producer.client.close()
            await producer.stop()


def _mark_retrieved(*futures: "asyncio.Future[Any]") -> None:
    """Retrieves the exceptions of futures whose sender was cancelled; otherwise Python reports
    `Future exception was never retrieved` at exit.
    """
    for future in futures:
        if future.done() and not future.cancelled():
            future.exception()
