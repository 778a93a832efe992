"""An in-memory broker whose faults a test controls: unreachable, slow to acknowledge, refusing."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from waypost.kernel.errors import Transient
from waypost.ports.broker import OutgoingRecord, RecordsRejected, TopicUnavailable


class MemoryBroker:
    """`waypost.ports.broker.Broker`. Every topic has one partition."""

    def __init__(self, *topics: str) -> None:
        self.topics = set(topics)
        self.logs: defaultdict[str, list[OutgoingRecord]] = defaultdict(list)
        self.refuses: Callable[[OutgoingRecord], bool] = lambda record: False
        self.reachable = True
        self.acknowledging = asyncio.Event()
        """A test clears this event: records are appended, but no acknowledgement is sent."""
        self.acknowledging.set()
        self.unanswered: set[str] = set()
        """Topics whose records are not acknowledged."""
        self.received = asyncio.Condition()
        """Notified when records have reached a log."""

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator["MemoryPublisher"]:
        await asyncio.sleep(0)
        if not self.reachable:
            raise Transient("no broker answers")
        yield MemoryPublisher(self)


class MemoryPublisher:
    """`waypost.ports.broker.Publisher`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._broken: set[str] = set()

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        topics = {record.topic for record in records}
        try:
            await asyncio.sleep(0)
            for topic in sorted(topics - self._broker.topics):
                raise TopicUnavailable(topic, "it does not exist")
            for topic in topics:
                await self._append(topic, [record for record in records if record.topic == topic])
            await self._broker.acknowledging.wait()
            if topics & self._broker.unanswered:
                await asyncio.Event().wait()
        except BaseException:
            self._broken |= topics
            raise

    async def _append(self, topic: str, batch: Sequence[OutgoingRecord]) -> None:
        if topic in self._broken:
            raise Transient("an earlier call failed")
        if not self._broker.reachable:
            raise Transient("the broker went away")
        if any(map(self._broker.refuses, batch)):
            raise RecordsRejected(batch, "too large")
        self._broker.logs[topic].extend(batch)
        async with self._broker.received:
            self._broker.received.notify_all()
