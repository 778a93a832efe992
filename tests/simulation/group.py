"""The consumer group: a coordinator that assigns partitions to members, with the eager protocol.

A member that ends or does not answer is left out after the session time-out; it may still process
what it has polled, and its fence must refuse it.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tests.simulation.broker import answer
from tests.simulation.faults import Connection
from tests.simulation.loop import SimulatedProcess
from waypost.kernel.envelope import Record
from waypost.ports.subscription import Assignments, Partition, TopicState

if TYPE_CHECKING:
    from tests.simulation.world import World

REBALANCE_SECONDS = 3.0
"""Members that have not given up their partitions by then are left out."""
SETTLE_SECONDS = 0.05
MAX_POLLED = 3
"""Few records per poll, so that a batch ends between the events of an aggregate."""


class Coordinator:
    """The group's state at the broker."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._members: list[SimulatedSubscription] = []
        self._changed = asyncio.Event()
        world.loop.spawn(world.loop.servers, self._run())

    def join(self, member: "SimulatedSubscription") -> None:
        if member not in self._members:
            self._members.append(member)
        self.rebalance()

    def leave(self, member: "SimulatedSubscription") -> None:
        if member in self._members:
            self._members.remove(member)
            self.rebalance()

    def rebalance(self) -> None:
        """Begins a rebalance; one that runs is repeated."""
        self._changed.set()

    def stall_one(self) -> None:
        """A member receives nothing from now on, as clients did after a broker's restart."""
        if self._members:
            self._world.choices.choice(self._members).is_stalled = True

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._changed.clear()
            present = await self._revoke()
            if not self._changed.is_set():
                self._assign(present)

    async def _revoke(self) -> Sequence["SimulatedSubscription"]:
        """Takes all partitions back; returns the members that have given them up in time."""
        revoking = {member: self._world.loop.spawn(member.process, member.revoke()) for member in self._members}
        if revoking:
            await asyncio.wait(revoking.values(), timeout=REBALANCE_SECONDS)
        for task in revoking.values():
            if not task.done():
                task.add_done_callback(lambda _: self.rebalance(), context=self._world.loop.servers.context)
        return [member for member, task in revoking.items() if task.done() and member in self._members]

    def _assign(self, members: Sequence["SimulatedSubscription"]) -> None:
        partitions = sorted(
            partition for partition in self._world.broker.logs if members and partition.topic in members[0].topics
        )
        for index, member in enumerate(members):
            own = frozenset(partitions[index :: len(members)])
            self._world.loop.spawn(member.process, member.assign(own))


class SimulatedSubscription:
    """`waypost.ports.subscription.Subscription` of one process."""

    topics: frozenset[str] = frozenset()

    def __init__(self, world: "World", process: SimulatedProcess, coordinator: Coordinator) -> None:
        self.process = process
        self._world = world
        self._coordinator = coordinator
        self._connection = Connection(world, process, "group")
        self._assignments: Assignments | None = None
        self._fetch_at: dict[Partition, int | None] = {}
        """Next offset by assigned partition; None while it is paused."""
        self.is_stalled = False
        self._callbacks = asyncio.Lock()
        """The client calls back one after another."""
        self._polls: list[asyncio.Future[bool]] = []

    async def revoke(self) -> None:
        async with self._callbacks:
            self._fetch_at.clear()
            self.end_polls()
            if self._assignments:
                await self._assignments.revoked()

    async def assign(self, partitions: frozenset[Partition]) -> None:
        async with self._callbacks:
            self._fetch_at = dict.fromkeys(partitions)
            if self._assignments:
                await self._assignments.assigned(partitions)

    async def join(self, topics: Iterable[str], assignments: Assignments) -> None:
        await self._transmit("join")
        self.topics, self._assignments = frozenset(topics), assignments
        self._connection.on_end.append(lambda: self._coordinator.leave(self))
        self._coordinator.join(self)

    async def rejoin(self) -> None:
        await self._transmit("rejoin")
        self.is_stalled = False
        self._coordinator.join(self)

    async def leave(self) -> None:
        self._fetch_at.clear()
        self.end_polls()
        self._coordinator.leave(self)

    async def poll(self, partition: Partition, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        until = self._world.loop.time() + timeout_seconds
        while not (records := self._fetched(partition, max_records)):
            if not await self._more_arrive(until):
                return ()
        return records

    def _fetched(self, partition: Partition, max_records: int) -> Sequence[Record]:
        at = self._fetch_at.get(partition)
        if at is None or self.is_stalled:
            return ()
        size = min(max_records, self._world.choices.randint(1, MAX_POLLED))
        records = self._world.broker.logs[partition][at : at + size]
        self._fetch_at[partition] = at + len(records)
        return records

    async def _more_arrive(self, until: float) -> bool:
        """Waits for records of any partition; False at the time limit or the end of the polls."""
        arrival = self._world.loop.create_future()
        self._polls.append(arrival)
        self._world.broker.waiting.append(arrival)
        timer = self._world.loop.call_at(until, answer, arrival, False)
        more: bool = await arrival
        timer.cancel()
        return more

    def end_polls(self) -> None:
        polls, self._polls = self._polls, []
        for poll in polls:
            answer(poll, False)

    def seek(self, partition: Partition, offset: int) -> None:
        if partition in self._fetch_at:
            self._fetch_at[partition] = offset

    async def end_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        await self._transmit("end offsets")
        return {partition: len(self._world.broker.logs[partition]) for partition in partitions}

    async def first_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        await self._transmit("first offsets")
        return dict.fromkeys(partitions, 0)

    async def topic_states(self, topics: Iterable[str]) -> Mapping[str, TopicState]:
        await self._transmit("topic states")
        return {topic: TopicState(self._world.broker.topic_ids[topic], {}) for topic in topics}

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Dropped: no one reads the offsets."""

    async def _transmit(self, what: str) -> None:
        """The client reconnects for each request."""
        connection = Connection(self._world, self.process, "kafka")
        try:
            await connection.transmit(what)
        finally:
            connection.close()
