"""The broker: logs of partitions, and producers whose requests may arrive late, or after their
process is gone.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from tests.simulation.events import TOPICS
from tests.simulation.faults import Connection
from tests.simulation.loop import SimulatedProcess
from waypost.kernel.envelope import Record
from waypost.ports.broker import NotSent, OutgoingRecord, PartitionFailed, RecordsRejected
from waypost.ports.subscription import Partition

if TYPE_CHECKING:
    from tests.simulation.world import World

PARTITIONS = 2
LATE_SECONDS = 4.0
"""Within this time a request arrives whose producer has stopped waiting for it."""
HELD_SECONDS = 8.0


class BrokerServer:
    def __init__(self) -> None:
        self.logs: dict[Partition, list[Record]] = {
            Partition(topic, number): [] for topic in sorted(TOPICS) for number in range(PARTITIONS)
        }
        self.topic_ids = {topic: uuid5(UUID(int=0), topic) for topic in sorted(TOPICS)}
        self.late_requests = 0
        """Requests that will still arrive."""
        self.waiting: list[asyncio.Future[bool]] = []
        """Polls without records."""

    def append(self, records: Sequence[OutgoingRecord]) -> None:
        for record in records:
            partition = Partition(record.topic, record.shard % PARTITIONS)
            log = self.logs[partition]
            log.append(
                Record(
                    partition.topic,
                    partition.number,
                    len(log),
                    record.timestamp_ms,
                    record.key,
                    record.value,
                    record.headers,
                )
            )
        polls, self.waiting = self.waiting, []
        for poll in polls:
            answer(poll, True)


def answer(poll: "asyncio.Future[bool]", more: bool) -> None:
    """Ends the wait of a poll; of several answers the first counts."""
    if not poll.done():
        poll.set_result(more)


class SimulatedBroker:
    """`waypost.ports.broker.Broker` of one process."""

    def __init__(self, world: "World", process: SimulatedProcess) -> None:
        self._world = world
        self._process = process

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator["SimulatedPublisher"]:
        connection = Connection(self._world, self._process, "broker")
        try:
            await connection.transmit("connect")
            yield SimulatedPublisher(self._world, connection)
        finally:
            connection.close()


class SimulatedPublisher:
    """`waypost.ports.broker.Publisher`."""

    def __init__(self, world: "World", connection: Connection) -> None:
        self.failed: set[Partition] = set()
        self._world = world
        self._connection = connection

    async def partitions(self, topic: str) -> int:
        await self._connection.transmit(f"partitions of {topic}")
        return PARTITIONS

    def sender(self, partition: Partition) -> "SimulatedPartitionSender":
        return SimulatedPartitionSender(self._world, self._connection, self, partition)


class SimulatedPartitionSender:
    """`waypost.ports.broker.PartitionSender`: one request at a time, in the order of the calls.
    After an error the partition gets no other; the one on its way may still arrive.
    """

    def __init__(
        self, world: "World", connection: Connection, publisher: SimulatedPublisher, partition: Partition
    ) -> None:
        self._world = world
        self._connection = connection
        self._publisher = publisher
        self._partition = partition
        self._turn = asyncio.Lock()
        self._failed = False
        self.held_because: str | None = None

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        try:
            async with self._turn:
                self._require_usable()
                await self._until_accepted(records)
                await self._produce(_Request(self._world, records))
        except (NotSent, RecordsRejected):
            self._failed = True
            raise
        except BaseException:
            self._failed = True
            self._publisher.failed.add(self._partition)
            raise

    def _require_usable(self) -> None:
        if self._failed:
            raise NotSent("an earlier call failed")
        if self._partition in self._publisher.failed:
            raise PartitionFailed(self._partition, "an earlier batch may still arrive")

    async def _until_accepted(self, records: Sequence[OutgoingRecord]) -> None:
        if self._world.refuses_batch():
            raise RecordsRejected(records, "simulated")
        if self._world.holds_batch():
            self.held_because = "simulated"
            await asyncio.sleep(HELD_SECONDS * self._world.choices.random())
            self.held_because = None

    async def _produce(self, request: "_Request") -> None:
        self._connection.on_end.append(request.arrive_late)  # where the process ends, nothing below runs
        try:
            await self._connection.transmit(f"produce {len(request.records)} of {self._partition} ->")
            request.arrive()
            await self._connection.transmit("produce <-")
        except BaseException:
            request.arrive_late()
            raise


class _Request:
    """Arrives once, late or never."""

    def __init__(self, world: "World", records: Sequence[OutgoingRecord]) -> None:
        self.records = records
        self._world = world
        self._decided = False

    def arrive(self) -> None:
        self._decided = True
        self._world.broker.append(self.records)

    def arrive_late(self) -> None:
        if self._decided:
            return
        self._decided = True
        if self._world.chance(0.5):
            self._world.broker.late_requests += 1
            self._world.loop.at_servers(LATE_SECONDS * self._world.choices.random(), self._arrive_after_all)

    def _arrive_after_all(self) -> None:
        self._world.broker.late_requests -= 1
        self._world.record_step(
            f"{len(self.records)} records of {self.records[0].topic} arrive late", self._world.loop.servers
        )
        self.arrive()
