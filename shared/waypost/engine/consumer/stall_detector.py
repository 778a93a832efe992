"""Detects a recreated topic, a new leader and a stalled Kafka client."""

import time
from collections.abc import Mapping, Sequence

import structlog

from waypost.engine.consumer.partition import PartitionTask
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.kernel.errors import Transient
from waypost.ports.subscription import Partition, Subscription, TopicState
from waypost.telemetry import metrics

log = structlog.get_logger()


class StallDetector:
    """Asks the broker for end offsets, because the high-water mark that arrives with fetched
    records does not move while none are fetched.
    """

    def __init__(self, name: str, subscription: Subscription, policy: ConsumerPolicy) -> None:
        self._name = name
        self._subscription = subscription
        self._policy = policy
        self._answered_at = time.monotonic()

    async def check(self, tasks: Sequence[PartitionTask]) -> bool:
        """Requests a seek for a recreated topic and after an election, and sets the lag gauges.
        Returns whether the client must be replaced: records are available but none arrive, or the
        broker does not answer this client.
        """
        try:
            states = await self._subscription.topic_states({task.partition.topic for task in tasks})
            ends = await self._subscription.end_offsets([task.partition for task in tasks])
        except Transient as error:
            log.warning("broker_does_not_answer", error=str(error))
            return self._overdue(self._answered_at)
        self._answered_at = time.monotonic()
        stalled = [task for task in tasks if self._check_task(task, states, ends)]
        return bool(stalled)

    def _check_task(self, task: PartitionTask, states: Mapping[str, TopicState], ends: Mapping[Partition, int]) -> bool:
        end = ends.get(task.partition, task.position)
        if state := states.get(task.partition.topic):
            if state.topic_id != task.topic_id:
                task.request_seek()
            else:
                task.notice_leader(state.leader_epochs.get(task.partition.number))
        if end < task.position:
            task.request_seek()
        if not task.positioned.is_set():
            self._subscription.end_polls()
        self._report_lag(task, end - task.position)
        if task.busy or end <= task.position:
            task.advanced_at = time.monotonic()
        return self._overdue(task.advanced_at)

    def _report_lag(self, task: PartitionTask, records: int) -> None:
        labels = (self._name, task.partition.topic, str(task.partition.number))
        lag_seconds = time.time() - task.processed_ms / 1000 if records > 0 and task.processed_ms else 0.0
        metrics.CONSUMER_LAG_RECORDS.labels(*labels).set(max(records, 0))
        metrics.CONSUMER_LAG_SECONDS.labels(*labels).set(lag_seconds)

    def _overdue(self, since: float) -> bool:
        return time.monotonic() - since > self._policy.stalled_seconds
