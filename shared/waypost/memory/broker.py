"""An in-memory broker whose faults a test controls: unreachable, slow to acknowledge, refusing."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from waypost.kernel.errors import Transient
from waypost.ports.broker import NotSent, OutgoingRecord, PartitionFailed, RecordsRejected, TopicUnavailable
from waypost.ports.subscription import Partition


class MemoryBroker:
    """`waypost.ports.broker.Broker`."""

    def __init__(self, *topics: str, partitions: int = 1) -> None:
        self.topics = set(topics)
        self.partitions = partitions
        """The number of partitions of each topic."""
        self.logs: defaultdict[str, list[OutgoingRecord]] = defaultdict(list)
        """Records of all partitions of a topic, in the order of arrival."""
        self.refuses: Callable[[OutgoingRecord], bool] = lambda record: False
        self.reachable = True
        self.acknowledging = asyncio.Event()
        """A test clears this event: records are appended, but no acknowledgement is sent."""
        self.acknowledging.set()
        self.unanswered: set[str] = set()
        """Topics and partitions (`topic/number`) whose records are not acknowledged."""
        self.held: dict[Partition, str] = {}
        """Partitions that accept no records, with the reason."""
        self.accepting = asyncio.Condition()
        """A test notifies it when it has changed `held`."""
        self.received = asyncio.Condition()
        """Notified when records have reached a log."""
        self.publishers = 0
        """The number of producers so far."""

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator["MemoryPublisher"]:
        await asyncio.sleep(0)
        if not self.reachable:
            raise Transient("no broker answers")
        self.publishers += 1
        yield MemoryPublisher(self)


class MemoryPublisher:
    """`waypost.ports.broker.Publisher`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.wedged: set[Partition] = set()
        """Partitions that need another producer."""
        self._broker = broker

    async def partitions(self, topic: str) -> int:
        await asyncio.sleep(0)
        if not self._broker.reachable:
            raise Transient("the broker went away")
        if topic not in self._broker.topics:
            raise TopicUnavailable(topic, "it does not exist")
        return self._broker.partitions

    def sender(self, partition: Partition) -> "MemoryPartitionSender":
        return MemoryPartitionSender(self._broker, self, partition)


class MemoryPartitionSender:
    """`waypost.ports.broker.PartitionSender`."""

    def __init__(self, broker: MemoryBroker, publisher: MemoryPublisher, partition: Partition) -> None:
        self.held_because: str | None = None
        self._broker = broker
        self._publisher = publisher
        self._partition = partition
        self._turn = asyncio.Lock()
        self._failed = False

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        try:
            await asyncio.sleep(0)
            async with self._turn:
                await self._append(records)
            await self._broker.acknowledging.wait()
            if self._broker.unanswered & {self._partition.topic, str(self._partition)}:
                await asyncio.Event().wait()
        except (NotSent, RecordsRejected):
            self._failed = True
            raise
        except BaseException:
            self._failed = True
            self._publisher.wedged.add(self._partition)
            raise

    async def _append(self, batch: Sequence[OutgoingRecord]) -> None:
        if self._failed:
            raise NotSent("an earlier call failed")
        if self._partition in self._publisher.wedged:
            raise PartitionFailed(self._partition, "an earlier batch was given up")
        await self._until_accepting()
        if not self._broker.reachable:
            raise Transient("the broker went away")
        if any(map(self._broker.refuses, batch)):
            raise RecordsRejected(batch, "too large")
        self._broker.logs[self._partition.topic].extend(batch)
        async with self._broker.received:
            self._broker.received.notify_all()

    async def _until_accepting(self) -> None:
        while reason := self._broker.held.get(self._partition):
            self.held_because = reason
            async with self._broker.accepting:
                await self._broker.accepting.wait()
        self.held_because = None
