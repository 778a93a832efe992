"""Every broker adapter behind one interface, for the behaviour suite."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from waypost.engine.by_partition import by_partition
from waypost.kafka.producer import KafkaBroker
from waypost.kernel.partitioner import shard_for
from waypost.memory.broker import MemoryBroker
from waypost.ports.broker import Broker, OutgoingRecord, PartitionSender, Publisher
from waypost.ports.subscription import Partition
from waypost.testing.topics import create_topic, read_topic, unique

LARGE = 5000
"""Size in bytes of a value that a topic made by `small_topic()` refuses."""


class Senders:
    """Sends records of any topics, each to its partition."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._senders: dict[Partition, PartitionSender] = {}
        self._turn = asyncio.Lock()

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        async with self._turn:
            found = await by_partition(records, self._publisher.partitions)
            sends = [asyncio.create_task(self._sender(each).send(of_one)) for each, of_one in found.items()]
        await asyncio.gather(*sends)

    def _sender(self, partition: Partition) -> PartitionSender:
        if partition not in self._senders:
            self._senders[partition] = self._publisher.sender(partition)
        return self._senders[partition]


@asynccontextmanager
async def senders(broker: Broker) -> AsyncIterator[Senders]:
    async with broker.publisher() as publisher:
        yield Senders(publisher)


class BrokerUnderTest(Protocol):
    @property
    def broker(self) -> Broker: ...

    async def topic(self, *, max_message_bytes: int = 2000) -> str:
        """A new topic, which refuses values of LARGE bytes by default."""
        ...

    async def log(self, topic: str) -> Sequence[OutgoingRecord]:
        """The topic's records, partition by partition."""
        ...

    @property
    def unreachable(self) -> Broker: ...


class InMemory:
    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.broker.refuses = lambda record: len(record.value) >= LARGE
        self.unreachable = MemoryBroker()
        self.unreachable.reachable = False

    async def topic(self, *, max_message_bytes: int = 2000) -> str:
        self.broker.topics.add(name := unique("users.user"))
        return name

    async def log(self, topic: str) -> Sequence[OutgoingRecord]:
        return self.broker.logs[topic]


class OnKafka:
    def __init__(self, bootstrap: str) -> None:
        self.broker = KafkaBroker(bootstrap)
        self.unreachable = KafkaBroker("127.0.0.1:1")
        self._bootstrap = bootstrap

    async def topic(self, *, max_message_bytes: int = 2000) -> str:
        return await create_topic(self._bootstrap, unique("users.user"), max_message_bytes=str(max_message_bytes))

    async def log(self, topic: str) -> Sequence[OutgoingRecord]:
        return [
            OutgoingRecord(
                topic, shard_for(record.key), record.key, record.value, list(record.headers), record.timestamp
            )
            for record in await read_topic(self._bootstrap, topic)
        ]
