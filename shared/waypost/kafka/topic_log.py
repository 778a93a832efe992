"""Reads topics with `assign`: joins no group, commits nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from waypost.kafka.client_arguments import client_arguments
from waypost.kafka.consumer import CLOSE_SECONDS, RESPONSE_SECONDS, answered, named
from waypost.kafka.fetched_records import as_records
from waypost.kafka.refusals import reaching, refusal
from waypost.kernel.envelope import Record
from waypost.kernel.errors import Transient
from waypost.ports.brokers import Brokers
from waypost.ports.subscription import Partition

FETCH_MILLISECONDS = 20
FETCH_BYTES = 1024 * 1024
"""Limit of one fetch, which must arrive within RESPONSE_SECONDS: 210 KB per second are enough."""
"""A fetch of partitions without further records waits this long at the broker, and delays the other
requests of its connection: offsets, and the next records of other partitions.
"""


class KafkaTopicLog:
    """`waypost.ports.topic_log.TopicLog`."""

    def __init__(self, client: AIOKafkaConsumer, partitions: Sequence[Partition]) -> None:
        self._client = client
        self._partitions = partitions

    async def read(self, partition: Partition, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        async with self._answered("records", more_seconds=timeout_seconds):
            fetched = await self._client.getmany(
                named(partition), max_records=max_records, timeout_ms=int(timeout_seconds * 1000)
            )
        return [record for records in fetched.values() for record in records]

    async def position(self, partition: Partition) -> int:
        async with self._answered("a position"):
            position: int = await self._client.position(named(partition))
        return position

    async def end_offsets(self) -> Mapping[Partition, int]:
        async with self._answered("end offsets"):
            ends = await self._client.end_offsets([named(partition) for partition in self._partitions])
        return {partition: ends[named(partition)] for partition in self._partitions}

    async def read_any(self, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        """The next records of any of the partitions, in the order of their timestamps. Raises
        Transient.
        """
        async with self._answered("records", more_seconds=timeout_seconds):
            fetched = await self._client.getmany(max_records=max_records, timeout_ms=int(timeout_seconds * 1000))
        records: list[Record] = [record for batch in fetched.values() for record in batch]
        return sorted(records, key=lambda record: record.timestamp_ms)  # stable: each partition keeps its order

    async def first_offsets(self) -> Mapping[Partition, int]:
        """The offset of the oldest retained record, per partition. Raises Transient."""
        async with self._answered("first offsets"):
            beginnings = await self._client.beginning_offsets([named(partition) for partition in self._partitions])
        return {partition: beginnings[named(partition)] for partition in self._partitions}

    async def offsets_since(self, at: datetime) -> Mapping[Partition, int]:
        """Per partition, the offset of the first record written at or after the time; partitions
        without one are left out. Raises Transient.
        """
        moment = int(at.timestamp() * 1000)
        async with self._answered("offsets by time"):
            results = await self._client.offsets_for_times({named(partition): moment for partition in self._partitions})
        return {
            partition: results[named(partition)].offset
            for partition in self._partitions
            if results.get(named(partition))
        }

    def seek(self, offsets: Mapping[Partition, int]) -> None:
        """Continues at the offsets."""
        for partition, offset in offsets.items():
            self._client.seek(named(partition), offset)

    @asynccontextmanager
    async def _answered(self, requested: str, *, more_seconds: float = 0.0) -> AsyncIterator[None]:
        """Raises Transient, and AccessRefused for a topic without a right: aiokafka requests its
        metadata again and again.
        """
        try:
            async with answered(requested, more_seconds=more_seconds):
                yield
        except Transient as error:
            unauthorized = sorted(self._client._client.cluster.unauthorized_topics)
            refused = refusal(TopicAuthorizationFailedError(*unauthorized)) if unauthorized else None
            raise refused or error from error


class KafkaTopicLogs:
    """`waypost.ports.topic_log.TopicLogs`."""

    def __init__(self, bootstrap: Brokers, *, paused: bool = False) -> None:
        """A paused log returns offsets only."""
        self._bootstrap = bootstrap
        self._paused = paused

    @asynccontextmanager
    async def opened(self, partitions: Iterable[Partition]) -> AsyncIterator[KafkaTopicLog]:
        ordered = sorted(partitions)
        client = AIOKafkaConsumer(
            **client_arguments(self._bootstrap),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_MILLISECONDS,
            fetch_max_bytes=FETCH_BYTES,
            key_deserializer=as_records,
            request_timeout_ms=int(RESPONSE_SECONDS * 1000),
        )
        try:
            async with reaching(self._bootstrap):
                async with asyncio.timeout(RESPONSE_SECONDS):
                    await client.start()
            client.assign([named(partition) for partition in ordered])
            if self._paused:
                client.pause(*client.assignment())
            log = KafkaTopicLog(client, ordered)
            log.seek(dict.fromkeys(ordered, 0))
            yield log
        finally:
            with contextlib.suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await client.stop()
