"""Detects records that were deleted from a topic before the consumer had read them."""

import structlog

from waypost.engine.consumer.pipeline import Fenced
from waypost.engine.consumer.resume_position import ResumePosition
from waypost.kernel.errors import WaypostError
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.subscription import Partition, Subscription
from waypost.telemetry import metrics

log = structlog.get_logger()


class RecordsLost(WaypostError):
    """Records were deleted from a topic before the consumer had read them."""


class LossDetector:
    """Compares the position in one partition with the oldest record. Offsets alone prove no loss:
    control records leave gaps too.
    """

    def __init__(
        self, name: str, partition: Partition, subscription: Subscription, transactions: ConsumerTransactions
    ) -> None:
        self.lost = 0
        """Number of offsets that were lost."""
        self._name = name
        self._partition = partition
        self._subscription = subscription
        self._transactions = transactions

    async def skip(self, resumption: ResumePosition) -> int:
        """The offset at which the consumer can continue. Stores it if records were lost, so that no
        later assignment reports them again. Raises Transient, and Fenced if another process moves
        the position.
        """
        first = await self.check(resumption.offset, is_new=resumption.is_new)
        if first > resumption.offset:
            async with self._transactions.begin(()) as transaction:
                moved = await transaction.inbox.fence(
                    self._partition, expected=resumption.offset, next_offset=first, topic_id=resumption.topic_id
                )
            if not moved:
                raise Fenced(f"the position of {self._name} in {self._partition} is no longer {resumption.offset}")
        return first

    async def check(self, position: int, *, is_new: bool = False) -> int:
        """The position, or the offset of the oldest record if it is later. Reports the difference
        as a loss, except for a new consumer, which reads what the topic still has. Raises
        Transient.
        """
        first = (await self._subscription.first_offsets([self._partition])).get(self._partition, 0)
        if first <= position:
            return position
        facts = {"consumer": self._name, "partition": str(self._partition), "first_offset": first}
        if is_new:
            log.warning("first_records_deleted", **facts)
            return first
        self.lost += first - position
        labels = (self._name, self._partition.topic, str(self._partition.number))
        metrics.CONSUMER_LOST_RECORDS.labels(*labels).inc(first - position)
        log.error("records_lost", **facts, position=position)
        return first
