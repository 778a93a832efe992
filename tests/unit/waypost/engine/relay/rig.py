"""An in-memory outbox and broker whose faults a test controls."""

import asyncio
from collections.abc import Callable, Sequence

from waypost.engine.relay import Relay
from waypost.engine.relay.chunk import Chunk, Lane
from waypost.engine.wakeups import LocalWakeups
from waypost.memory.broker import MemoryBroker, MemoryPublisher
from waypost.memory.outbox import MemoryOutbox
from waypost.ports.broker import OutgoingRecord
from waypost.ports.outbox import PendingRow
from waypost.ports.subscription import Partition
from waypost.testing.eventually import eventually

TOPIC = "users.user"


class RelayRig:
    """One outbox, one broker, and any number of relays."""

    def __init__(self, *, partitions: int = 1) -> None:
        self.outbox = MemoryOutbox()
        self.broker = MemoryBroker(TOPIC, partitions=partitions)
        self.wakeups = LocalWakeups()
        self.relays: list[Relay] = []

    async def start_relay(self) -> Relay:
        relay = Relay(self.outbox, self.broker, self.wakeups)
        self.relays.append(relay)
        await relay.start()
        async with asyncio.timeout(5):
            await relay.ready.wait()
        return relay

    def write(self, key: bytes, *payloads: bytes, topic: str = TOPIC) -> None:
        for payload in payloads:
            self.outbox.add(topic, key, payload)
        self.wakeups.wake("outbox")

    def published(self, topic: str = TOPIC) -> Sequence[bytes]:
        return [record.value for record in self.broker.logs[topic]]

    async def until_published(self, *payloads: bytes) -> None:
        await eventually(lambda: set(payloads) <= set(self.published()))

    async def until_drained(self) -> None:
        await eventually(lambda: not self.outbox.rows)


def chunk_of(*rows: PendingRow) -> Chunk:
    """A chunk in its own lane."""
    partition, broker = Partition(rows[0].topic, 0), MemoryBroker(rows[0].topic)
    return Chunk(Lane(partition, [], MemoryPublisher(broker).sender(partition)), rows)


def first_of_each(values: Sequence[bytes]) -> Sequence[bytes]:
    """Records as a consumer sees them after it removed duplicates by event id."""
    return list(dict.fromkeys(values))


def refusing(*payloads: bytes) -> Callable[[OutgoingRecord], bool]:
    return lambda record: record.value in payloads
