"""Detects records that were deleted from a topic before the consumer had read them."""

import structlog

from waypost.kernel.errors import WaypostError
from waypost.ports.subscription import Partition, Subscription
from waypost.telemetry import metrics

log = structlog.get_logger()


class RecordsLost(WaypostError):
    """Records were deleted from a topic before the consumer had read them."""


class LossDetector:
    """Compares the position in one partition with the oldest record. Offsets alone prove no loss:
    control records leave gaps too.
    """

    def __init__(self, name: str, partition: Partition, subscription: Subscription) -> None:
        self.lost = 0
        """Number of offsets that were lost."""
        self._name = name
        self._partition = partition
        self._subscription = subscription
        self._reported_to = 0
        """Offset up to which losses are reported."""

    async def check(self, position: int) -> None:
        """Reports a loss once. A consumer without a position reads what the topic still has. Raises
        Transient.
        """
        first = (await self._subscription.first_offsets([self._partition])).get(self._partition, 0)
        lost = first - max(position, self._reported_to)
        if lost <= 0:
            return
        self._reported_to = first
        facts = {"consumer": self._name, "partition": str(self._partition), "first_offset": first}
        if position == 0:
            log.warning("first_records_deleted", **facts)
            return
        self.lost += lost
        labels = (self._name, self._partition.topic, str(self._partition.number))
        metrics.CONSUMER_LOST_RECORDS.labels(*labels).inc(lost)
        log.error("records_lost", **facts, position=position)
