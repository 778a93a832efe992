"""The position at which a consumer continues in a newly assigned partition."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.subscription import Partition, Subscription

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ResumePosition:
    topic_id: UUID | None
    """None if the broker does not know the topic now."""
    offset: int
    is_new: bool = False
    """Whether this is the consumer's first assignment of the partition."""


async def resume_position(
    partition: Partition, name: str, subscription: Subscription, transactions: ConsumerTransactions
) -> ResumePosition:
    """The position stored in the database, or offset 0 if the topic was recreated or lost records.

    A different topic id means that the topic was deleted and recreated; an offset beyond the end,
    that its log was lost. Both reset the stored position. Raises Transient.
    """
    async with transactions.begin(()) as transaction:
        before = await transaction.inbox.consumer_position(partition)
    topic_id = (await subscription.topic_ids([partition.topic])).get(partition.topic)
    end = (await subscription.end_offsets([partition])).get(partition)
    async with transactions.begin(()) as transaction:
        consumer_position = await transaction.inbox.consumer_position(partition)
        recreated = None not in (topic_id, consumer_position.topic_id) and topic_id != consumer_position.topic_id
        # Another process may have advanced since the broker was asked: compare the end only with an
        # offset that was stored before that request.
        if recreated or (end is not None and end < min(before.next_offset, consumer_position.next_offset)):
            log.warning(
                "topic_recreated", consumer=name, partition=str(partition), was_at=consumer_position.next_offset
            )
            await transaction.inbox.reset_position(partition, topic_id)
            return ResumePosition(topic_id, 0)
        if topic_id is not None:
            await transaction.inbox.store_topic_id(partition, topic_id)
        is_new = consumer_position.topic_id is None and consumer_position.next_offset == 0
        return ResumePosition(consumer_position.topic_id or topic_id, consumer_position.next_offset, is_new)
