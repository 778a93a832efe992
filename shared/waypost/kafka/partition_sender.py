"""Sends batches to one partition, one at a time."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, NoBrokersAvailable, ProducerClosed

from waypost.kafka.isolating_sender import REFUSALS, IsolatingSender
from waypost.kafka.record_batch import FastBatch
from waypost.kernel.errors import Transient
from waypost.ports.broker import NotSent, OutgoingRecord, PartitionFailed, RecordsRejected
from waypost.ports.subscription import Partition
from waypost.project import on_cluster

BATCH_BYTES = 512 * 1024
"""Batch size before compression; a larger record is a batch by itself. Half of the broker's default
limit.
"""

Batch = tuple[FastBatch, Sequence[OutgoingRecord]]


class KafkaPartitionSender:
    """`waypost.ports.broker.PartitionSender`."""

    def __init__(self, producer: AIOKafkaProducer, sender: IsolatingSender, partition: Partition) -> None:
        self._producer = producer
        self._sender = sender
        self._partition = partition
        self._on_cluster = TopicPartition(on_cluster(partition.topic), partition.number)
        self._turn = asyncio.Lock()
        self._failed = False

    @property
    def held_because(self) -> str | None:
        return self._sender.held.get(self._on_cluster)

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Builds the batches at once, also while earlier ones are in flight. Sends one at a time: a
        batch sent while an earlier one is open could be appended although the earlier one is
        refused.
        """
        batches = list(batches_of(records))
        async with self._in_turn():
            for batch, batched in batches:
                await self._append(batch, batched)

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        """Turns in the order of the calls. After the first that fails or is given up there are no
        more turns: the records of a later call would overtake.
        """
        try:
            async with self._turn:
                self._require_usable()
                yield
        except (NotSent, RecordsRejected):
            self._failed = True
            raise
        except BaseException:
            self._failed = True
            self._sender.abandoned.add(self._on_cluster)
            raise

    def _require_usable(self) -> None:
        if self._failed:
            raise NotSent(f"an earlier call for {self._partition} failed")
        if self._on_cluster in self._sender.abandoned:
            raise PartitionFailed(self._partition, "an earlier batch may still arrive")

    async def _append(self, batch: FastBatch, records: Sequence[OutgoingRecord]) -> None:
        topic, partition = self._on_cluster
        try:
            if self._producer.client.cluster.leader_for_partition(self._on_cluster) == -1:
                await self._sender.until_led(self._on_cluster)
            acknowledged = await self._producer.send_batch(batch, topic, partition=partition)
            await acknowledged
        except REFUSALS as error:
            raise RecordsRejected(records, type(error).__name__) from error
        except (NoBrokersAvailable, ProducerClosed) as error:
            raise Transient(f"{self._partition} was not acknowledged: {error!r}") from error
        except KafkaError as error:
            raise PartitionFailed(self._partition, repr(error)) from error


def batches_of(records: Sequence[OutgoingRecord]) -> Iterator[Batch]:
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
