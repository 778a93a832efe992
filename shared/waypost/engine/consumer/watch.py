"""The look that a consumer takes at itself: is the topic still the one it reads, and does it get
what is there?
"""

import time
from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog

from waypost.engine.consumer.partition import PartitionTask
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.kernel.errors import Transient
from waypost.ports.subscription import Partition, Subscription
from waypost.telemetry import metrics

log = structlog.get_logger()


class Watch:
    """It asks for the end offsets: the high-water mark that comes with fetched records never moves
    for one that fetches nothing.
    """

    def __init__(self, name: str, subscription: Subscription, policy: ConsumerPolicy) -> None:
        self._name = name
        self._subscription = subscription
        self._policy = policy
        self._answered_at = time.monotonic()

    async def finds_it_silent(self, tasks: Sequence[PartitionTask]) -> bool:
        """Whether the client has to be replaced: records wait and none come, or the broker does not
        answer this client.
        """
        try:
            ids = await self._subscription.topic_ids({task.partition.topic for task in tasks})
            ends = await self._subscription.end_offsets([task.partition for task in tasks])
        except Transient as error:
            log.warning("broker_does_not_answer", error=str(error))
            return self._overdue(self._answered_at)
        self._answered_at = time.monotonic()
        stalled = [task for task in tasks if self._stalled(task, ids, ends)]
        return bool(stalled)

    def _stalled(self, task: PartitionTask, ids: Mapping[str, UUID], ends: Mapping[Partition, int]) -> bool:
        end = ends.get(task.partition, task.position)
        if ids.get(task.partition.topic, task.topic_id) != task.topic_id or end < task.position:
            task.look_again()
        self._tell_lag(task, end - task.position)
        if task.busy or end <= task.position:
            task.moved_at = time.monotonic()
        return self._overdue(task.moved_at)

    def _tell_lag(self, task: PartitionTask, records: int) -> None:
        where = (self._name, task.partition.topic, str(task.partition.number))
        age = time.time() - task.reached_ms / 1000 if records > 0 and task.reached_ms else 0.0
        metrics.CONSUMER_LAG_RECORDS.labels(*where).set(max(records, 0))
        metrics.CONSUMER_LAG_SECONDS.labels(*where).set(age)

    def _overdue(self, since: float) -> bool:
        return time.monotonic() - since > self._policy.stalled_seconds
