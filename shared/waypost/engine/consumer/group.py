"""Membership of a consumer in its group: one task per assigned partition, offset commits, and stall
detection.
"""

import asyncio
from collections.abc import Sequence

import structlog

from waypost.engine.consumer.batch_processor import PartitionStuck
from waypost.engine.consumer.consumer_parts import ConsumerParts
from waypost.engine.consumer.dead_letters.deferred_records import DeferredRecords
from waypost.engine.consumer.dead_letters.parked_key_processor import ParkedKeyProcessor
from waypost.engine.consumer.dead_letters.retry_timer import RetryTimer
from waypost.engine.consumer.effects import effects_of
from waypost.engine.consumer.lost_records import RecordsLost
from waypost.engine.consumer.message import MessageParser
from waypost.engine.consumer.partition import PartitionTask
from waypost.engine.consumer.pipeline import DeadLetterLimitReached, Pipeline
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.consumer.stall_detector import StallDetector
from waypost.engine.consumer.truncation import LogTruncated
from waypost.engine.failpoints import failpoint
from waypost.engine.periodic_loop import FunctionLoop
from waypost.engine.process import Independent
from waypost.kernel.backoff import Backoff
from waypost.kernel.clock import Clock, SystemClock
from waypost.ports.codec import EventCodec
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.consumers import Consumer, group_name, topics_of
from waypost.ports.subscription import Partition, Subscription
from waypost.ports.topic_log import TopicLogs

log = structlog.get_logger()

GAUGE_SECONDS = 60.0
"""Pause between counts of the dead letters: a count reads each open one."""
JOIN_PAUSES = Backoff(first_seconds=1.0, factor=1.0)
"""After a broker's return the consumer joins within a second."""

AFTER_OFFSET_COMMIT = failpoint("consumer.after_offset_commit")


class ConsumerGroup(Independent):
    """One consumer in one process; a `waypost.engine.process.Lifecycle`."""

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
        logs: TopicLogs | None = None,
    ) -> None:
        """`logs` read the records that a full key or tenant leaves on the topic. Without them, only
        the limits of the consumer apply.
        """
        self.name = group_name(service, consumer)
        self.ready = asyncio.Event()
        self._policy = policy or ConsumerPolicy()
        if logs is None:
            self._policy = self._policy.without_deferrals()
        self._subscription = subscription
        self._topics = topics_of(consumer)
        self._tasks: dict[Partition, PartitionTask] = {}
        """The latest task of each partition, ended ones included: a successor waits for its
        predecessor's last poll.
        """
        self._assigned: frozenset[Partition] = frozenset()
        self._stall_detector = StallDetector(self.name, subscription, self._policy)
        self._advanced: dict[Partition, int] = {}
        self._stopping = asyncio.Event()
        self._joined = False
        self._stalled = False
        """Whether this client has stalled and must be replaced."""
        self._membership = FunctionLoop(
            self._maintain_membership,
            name=f"{self.name} membership",
            every_seconds=self._policy.check_seconds,
            backoff=JOIN_PAUSES,
        )
        self._offsets = FunctionLoop(
            self._commit, name=f"{self.name} offsets", every_seconds=self._policy.commit_seconds
        )
        effects, parser = effects_of(consumer, self.name), MessageParser.of(consumer, codec)
        clock = clock or SystemClock()
        deferred = DeferredRecords(self.name, transactions, logs, parser, self._policy, clock) if logs else None
        self.retries = ParkedKeyProcessor(
            self.name,
            transactions,
            parser,
            effects,
            self._policy,
            deferred_records=deferred,
            on_attempt=self._keys_scheduled,
        )
        """Retries of parked keys; operators use the same class."""
        self._timer = RetryTimer(self.name, self.retries, self._policy)
        self._gauges = FunctionLoop(
            self.retries.update_metrics, name=f"{self.name} gauges", every_seconds=GAUGE_SECONDS
        )
        self._parts = ConsumerParts(
            name=self.name,
            subscription=subscription,
            transactions=transactions,
            pipeline=Pipeline(
                self.name,
                transactions,
                effects,
                self._policy,
                clock,
                on_keys_scheduled=self._keys_scheduled,
            ),
            parser=parser,
            by_batch=effects.by_batch,
            policy=self._policy,
            on_advance=self._advanced.__setitem__,
        )

    async def start(self) -> None:
        """Starts joining the group, the offset commits, the retries and the gauges; returns at
        once.
        """
        for loop in (self._membership, self._offsets, self._timer, self._gauges):
            await loop.start()

    async def drain(self, deadline_seconds: float) -> None:
        """Finishes the running transactions and retries by the deadline, then commits offsets."""
        self._stopping.set()
        self.ready.clear()
        await asyncio.gather(self._end_tasks(deadline_seconds), self._timer.drain(deadline_seconds))
        await self._offsets.last_tick()

    async def stop(self) -> None:
        """Ends all tasks and leaves the group."""
        self._stopping.set()
        self.ready.clear()
        await asyncio.gather(self._end_tasks(0), self._timer.stop())
        await self._membership.stop()
        await self._offsets.stop()
        await self._gauges.stop()
        await self._subscription.leave()
        await asyncio.gather(*(task.ended() for task in self._tasks.values()))

    async def makes_progress(self) -> None:
        """For readiness probes. Raises DeadLetterLimitReached while a partition is paused by the
        limit, PartitionStuck while a batch fails repeatedly, and RecordsLost or LogTruncated after
        a loss, until the next assignment.
        """
        if any(task.at_dead_letter_limit for task in self._running):
            raise DeadLetterLimitReached
        if stuck := [str(task.partition) for task in self._running if task.stuck]:
            raise PartitionStuck(
                f"a batch of {', '.join(stuck)} fails repeatedly; the log event batch_failed holds the reason"
            )
        if with_losses := [str(task.partition) for task in self._running if task.lost_offsets]:
            raise RecordsLost(f"{', '.join(with_losses)} lost records; run `waypost events republish` for the topic")
        if truncated := [str(task.partition) for task in self._running if task.truncated]:
            raise LogTruncated(
                f"{', '.join(truncated)} lost records after they were processed; run `waypost events republish` for the"
                " topic"
            )

    async def revoked(self) -> None:
        """Ends the partition tasks and commits their offsets; called by the subscription."""
        self.ready.clear()
        await self._end_tasks(self._policy.revoke_seconds)
        await self._offsets.last_tick()
        self._assigned = frozenset()

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """Starts a task per assigned partition; called by the subscription."""
        self._advanced.clear()
        if self._stopping.is_set():
            return
        self._assigned = partitions
        for partition in sorted(partitions):
            self._tasks[partition] = PartitionTask(partition, self._parts, self._tasks.get(partition))
        self._timer.wakeup.set()
        self.ready.set()

    async def _maintain_membership(self) -> None:
        """Joins the group; later, replaces a stalled client by a new one."""
        if not self._joined:
            await self._subscription.join(self._topics, self)
            self._joined = True
        elif self._stalled or await self._stall_detector.check(self._running):
            if not self._stalled:
                log.error("consumer_silent", consumer=self.name)
            self._stalled = True
            await self.revoked()
            await self._subscription.rejoin()
            self._stalled = False

    async def _commit(self) -> None:
        advanced = {partition: offset for partition, offset in self._advanced.items() if partition in self._assigned}
        self._advanced.clear()
        if advanced:
            await self._subscription.commit(advanced)
            AFTER_OFFSET_COMMIT.hit()

    def _keys_scheduled(self) -> None:
        self._timer.wakeup.set()

    async def _end_tasks(self, deadline_seconds: float) -> None:
        await asyncio.gather(*(task.end(deadline_seconds) for task in self._running))

    @property
    def _running(self) -> Sequence[PartitionTask]:
        return [self._tasks[partition] for partition in sorted(self._assigned)]
