"""One consumer's membership in its group: a task per assigned partition, offsets for lag tools, and
a watch over all of it.
"""

import asyncio
from collections.abc import Sequence

import structlog

from waypost.engine.consumer.batch_processor import Stuck
from waypost.engine.consumer.drain import ParkedKeyProcessor
from waypost.engine.consumer.effects import effects_of
from waypost.engine.consumer.message import Reader
from waypost.engine.consumer.partition import PartitionTask, Parts
from waypost.engine.consumer.pipeline import DeadLetterLimitReached, Pipeline
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.consumer.timer import RetryTimer
from waypost.engine.consumer.watch import Watch
from waypost.engine.failpoints import failpoint
from waypost.engine.periodic_loop import FunctionLoop
from waypost.kernel.backoff import Backoff
from waypost.kernel.clock import Clock, SystemClock
from waypost.ports.codec import EventCodec
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.consumers import Consumer, InlineProjection, topics_of
from waypost.ports.subscription import Partition, Subscription

log = structlog.get_logger()

JOIN_PAUSES = Backoff(first_seconds=1.0, factor=1.0)
"""A broker that comes back is joined within a second."""

AFTER_OFFSET_COMMIT = failpoint("consumer.after_offset_commit")


def group_name(service: str, consumer: Consumer | InlineProjection) -> str:
    """Its full name: a consumer's group in Kafka, and its name in every row."""
    return f"{service}.{consumer.name}"


class ConsumerGroup:
    """`waypost.engine.process.Lifecycle` of one consumer in one process."""

    def __init__(
        self,
        service: str,
        consumer: Consumer,
        subscription: Subscription,
        transactions: ConsumerTransactions,
        codec: EventCodec,
        *,
        policy: ConsumerPolicy | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.name = group_name(service, consumer)
        self.ready = asyncio.Event()
        self._policy = policy or ConsumerPolicy()
        self._subscription = subscription
        self._topics = topics_of(consumer)
        self._tasks: dict[Partition, PartitionTask] = {}
        """The latest of each partition, ended ones included: a successor waits for its
        predecessor's last poll.
        """
        self._ours: frozenset[Partition] = frozenset()
        self._watch = Watch(self.name, subscription, self._policy)
        self._moved: dict[Partition, int] = {}
        self._stopping = asyncio.Event()
        self._joined = False
        self._silent = False
        """Whether this client has gone silent and another one has to join."""
        self._membership = FunctionLoop(
            self._look_after_membership,
            name=f"{self.name} membership",
            every_seconds=self._policy.watch_seconds,
            backoff=JOIN_PAUSES,
        )
        self._offsets = FunctionLoop(
            self._commit, name=f"{self.name} offsets", every_seconds=self._policy.commit_seconds
        )
        clock, effects, reader = (
            clock or SystemClock(),
            effects_of(consumer, self.name),
            Reader.of(consumer, codec),
        )
        self.retries = ParkedKeyProcessor(self.name, transactions, reader, effects, self._policy, clock)
        """For operators too: see `waypost.operations.dead_letters.selection`."""
        self._timer = RetryTimer(self.name, self.retries, self._policy)
        self._parts = Parts(
            name=self.name,
            subscription=subscription,
            transactions=transactions,
            pipeline=Pipeline(self.name, transactions, effects, self._policy, clock),
            reader=reader,
            by_batch=effects.by_batch,
            policy=self._policy,
            moved=self._moved.__setitem__,
        )

    async def start(self) -> None:
        for loop in (self._membership, self._offsets, self._timer):
            await loop.start()

    async def drain(self, deadline_seconds: float) -> None:
        self._stopping.set()
        self.ready.clear()
        await asyncio.gather(self._end_tasks(deadline_seconds), self._timer.drain(deadline_seconds))
        await self._offsets.last_tick()

    async def stop(self) -> None:
        self._stopping.set()
        self.ready.clear()
        await asyncio.gather(self._end_tasks(0), self._timer.stop())
        await self._membership.stop()
        await self._offsets.stop()
        await self._subscription.leave()
        await asyncio.gather(*(task.ended() for task in self._tasks.values()))

    async def makes_progress(self) -> None:
        """For probes. Raises DeadLetterLimitReached or Stuck while a partition waits or a batch
        fails again and again.
        """
        if any(task.waits_for_room for task in self._running):
            raise DeadLetterLimitReached
        if stuck := [str(task.partition) for task in self._running if task.stuck]:
            raise Stuck(f"a batch of {', '.join(stuck)} fails again and again; the log says why (batch_failed)")

    async def revoked(self) -> None:
        self.ready.clear()
        await self._end_tasks(self._policy.revoke_seconds)
        await self._offsets.last_tick()
        self._ours = frozenset()

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        self._moved.clear()
        if self._stopping.is_set():
            return
        self._ours = partitions
        for each in sorted(partitions):
            self._tasks[each] = PartitionTask(each, self._parts, self._tasks.get(each))
        self.ready.set()

    async def _look_after_membership(self) -> None:
        """Joins; from then on joins anew with another client where this one has gone silent."""
        if not self._joined:
            await self._subscription.join(self._topics, self)
            self._joined = True
        elif self._silent or await self._watch.finds_it_silent(self._running):
            if not self._silent:
                log.error("consumer_silent", consumer=self.name)
            self._silent = True
            await self.revoked()
            await self._subscription.rejoin()
            self._silent = False

    async def _commit(self) -> None:
        moved = {each: offset for each, offset in self._moved.items() if each in self._ours}
        self._moved.clear()
        if moved:
            await self._subscription.commit(moved)
            AFTER_OFFSET_COMMIT.hit()

    async def _end_tasks(self, deadline_seconds: float) -> None:
        await asyncio.gather(*(task.end(deadline_seconds) for task in self._running))

    @property
    def _running(self) -> Sequence[PartitionTask]:
        return [self._tasks[each] for each in sorted(self._ours)]
