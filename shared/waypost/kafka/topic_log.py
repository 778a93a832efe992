"""Topics from their beginning, by `assign`: no group is joined, nothing is committed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from waypost.kafka.consumer import ANSWER_SECONDS, CLOSE_SECONDS, as_transient, named, partition_of, record_of
from waypost.kafka.topics import reaching
from waypost.kernel.envelope import Record
from waypost.ports.subscription import Partition


class KafkaTopicLog:
    """`waypost.ports.topic_log.TopicLog`."""

    def __init__(self, client: AIOKafkaConsumer, partitions: Sequence[Partition]) -> None:
        self._client = client
        self._partitions = partitions

    async def read(self, partition: Partition, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        with as_transient("records"):
            found = await self._client.getmany(
                named(partition), max_records=max_records, timeout_ms=int(timeout_seconds * 1000)
            )
        return [record_of(each, partition.topic) for records in found.values() for each in records]

    async def position(self, partition: Partition) -> int:
        with as_transient("a position"):
            position: int = await self._client.position(named(partition))
        return position

    async def end_offsets(self) -> Mapping[Partition, int]:
        with as_transient("end offsets"):
            ends = await self._client.end_offsets([named(each) for each in self._partitions])
        return {each: ends[named(each)] for each in self._partitions}

    async def read_any(self, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        """The next records of whichever partitions have some, in the order of their timestamps.
        Raises Transient.
        """
        with as_transient("records"):
            found = await self._client.getmany(max_records=max_records, timeout_ms=int(timeout_seconds * 1000))
        records = [record_of(each, partition_of(where).topic) for where, read in found.items() for each in read]
        return sorted(records, key=lambda each: each.timestamp_ms)  # stable: each partition keeps its order

    async def first_offsets(self) -> Mapping[Partition, int]:
        """The oldest record that retention has left of each. Raises Transient."""
        with as_transient("first offsets"):
            firsts = await self._client.beginning_offsets([named(each) for each in self._partitions])
        return {each: firsts[named(each)] for each in self._partitions}

    async def offsets_since(self, at: datetime) -> Mapping[Partition, int]:
        """The first record of each that was written then or later; a partition without one is left
        out. Raises Transient.
        """
        moment = int(at.timestamp() * 1000)
        with as_transient("offsets by time"):
            found = await self._client.offsets_for_times({named(each): moment for each in self._partitions})
        return {each: found[named(each)].offset for each in self._partitions if found.get(named(each))}

    def seek(self, offsets: Mapping[Partition, int]) -> None:
        """Goes on reading there."""
        for partition, offset in offsets.items():
            self._client.seek(named(partition), offset)


class KafkaTopicLogs:
    """`waypost.ports.topic_log.TopicLogs`."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    @asynccontextmanager
    async def opened(self, partitions: Iterable[Partition]) -> AsyncIterator[KafkaTopicLog]:
        wanted = sorted(partitions)
        client = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            with reaching(self._bootstrap):
                async with asyncio.timeout(ANSWER_SECONDS):
                    await client.start()
            client.assign([named(each) for each in wanted])
            log = KafkaTopicLog(client, wanted)
            log.seek(dict.fromkeys(wanted, 0))
            yield log
        finally:
            with contextlib.suppress(TimeoutError, KafkaError):
                await asyncio.wait_for(client.stop(), CLOSE_SECONDS)
