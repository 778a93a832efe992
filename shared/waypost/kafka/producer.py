"""The producer of the relay and of `waypost events republish`: idempotent, acknowledged by all
in-sync replicas.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerClosed

from waypost.kafka.client_arguments import client_arguments
from waypost.kafka.isolating_sender import IsolatingSender
from waypost.kafka.partition_sender import KafkaPartitionSender
from waypost.kafka.refusals import reaching
from waypost.kafka.topics import describe
from waypost.ports.broker import TopicUnavailable
from waypost.ports.brokers import Brokers
from waypost.ports.subscription import Partition

START_SECONDS = 5.0
REQUEST_MILLISECONDS = 3000
"""Limit of each request. Longer than a broker waits for the replicas of a batch."""
CLOSE_SECONDS = 2.0


class KafkaBroker:
    """`waypost.ports.broker.Broker` on aiokafka."""

    def __init__(self, bootstrap: Brokers, *, client_id: str = "waypost-relay") -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator["KafkaPublisher"]:
        producer = AIOKafkaProducer(
            **client_arguments(self._bootstrap),
            client_id=self._client_id,
            enable_idempotence=True,
            acks="all",
            request_timeout_ms=REQUEST_MILLISECONDS,
        )
        producer._sender = sender = IsolatingSender(producer)
        try:
            async with reaching(self._bootstrap):
                async with asyncio.timeout(START_SECONDS):
                    await producer.start()
            yield KafkaPublisher(producer, sender)
        finally:
            await sender.end_attempts()
            await end_producer(producer)


class KafkaPublisher:
    """`waypost.ports.broker.Publisher` over one started producer."""

    def __init__(self, producer: AIOKafkaProducer, sender: IsolatingSender) -> None:
        self._producer = producer
        self._sender = sender
        self._partitions: dict[str, int] = {}

    async def partitions(self, topic: str) -> int:
        """Requested once: the count of a topic never changes."""
        if topic not in self._partitions:
            described = (await describe(self._producer.client, [topic])).get(topic)
            if described is None:
                raise TopicUnavailable(topic, "it does not exist")
            if described.error:
                raise TopicUnavailable(topic, described.error)
            self._partitions[topic] = described.partitions
        return self._partitions[topic]

    def sender(self, partition: Partition) -> KafkaPartitionSender:
        return KafkaPartitionSender(self._producer, self._sender, partition)


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
