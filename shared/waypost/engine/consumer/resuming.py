"""Where a consumer goes on in a partition that it was given."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.subscription import Partition, Subscription

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Resumption:
    topic_id: UUID | None
    """None where the broker does not know the topic at present."""
    offset: int


async def where_to_resume(
    partition: Partition, name: str, subscription: Subscription, transactions: ConsumerTransactions
) -> Resumption:
    """Where the database says; at the beginning, where the topic is not the one it speaks of.
    Raises Transient.

    Another id means that the topic was deleted and made again, an offset beyond its end that its
    log was lost.
    """
    async with transactions.begin(()) as transaction:
        before = await transaction.inbox.consumer_position(partition)
    topic_id = (await subscription.topic_ids([partition.topic])).get(partition.topic)
    end = (await subscription.end_offsets([partition])).get(partition)
    async with transactions.begin(()) as transaction:
        consumer_position = await transaction.inbox.consumer_position(partition)
        made_anew = None not in (topic_id, consumer_position.topic_id) and topic_id != consumer_position.topic_id
        # Another taker may have moved on since the broker was asked: only what was passed before
        # that question must not be beyond the end.
        if made_anew or (end is not None and end < min(before.next_offset, consumer_position.next_offset)):
            log.warning(
                "topic_recreated", consumer=name, partition=str(partition), was_at=consumer_position.next_offset
            )
            await transaction.inbox.start_over(partition, topic_id)
            return Resumption(topic_id, 0)
        if topic_id is not None:
            await transaction.inbox.adopt(partition, topic_id)
        return Resumption(consumer_position.topic_id or topic_id, consumer_position.next_offset)
