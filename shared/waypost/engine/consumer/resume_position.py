"""The position at which a consumer continues in a newly assigned partition."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from waypost.engine.consumer.pipeline import Fenced
from waypost.ports.consumer_transaction import ConsumerTransaction, ConsumerTransactions
from waypost.ports.inbox import ReachedPosition
from waypost.ports.subscription import Partition, Subscription

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ResumePosition:
    topic_id: UUID | None
    """None if the broker does not know the topic now."""
    offset: int
    is_new: bool = False
    """Whether this is the consumer's first assignment of the partition."""
    last_record: bytes | None = None
    """Identity of the record before `offset`; None if it is unknown."""
    leader_epoch: int | None = None
    truncated_below: int = 0
    """The previous position, if the log ends before it."""


async def resume_position(
    partition: Partition,
    name: str,
    subscription: Subscription,
    transactions: ConsumerTransactions,
    return_to: ReachedPosition | None = None,
) -> ResumePosition:
    """The position stored in the database, or offset 0 if the topic was recreated or lost records.
    With `return_to`, that position if it is lower.

    A different topic id means that the topic was deleted and recreated; an offset beyond the end,
    that its log was lost. Both reset the stored position. Raises Transient, and Fenced if another
    process moves the position.

    The leader epoch may be that of an earlier leader, if the broker does not know of an election.
    The next check of the leader then requests one more seek, to a position from before that check:
    the records since then are compared again, and the inbox skips them. None is lost.
    """
    async with transactions.begin(()) as transaction:
        before = await transaction.inbox.consumer_position(partition)
    state = (await subscription.topic_states([partition.topic])).get(partition.topic)
    topic_id = state.topic_id if state else None
    leader_epoch = state.leader_epochs.get(partition.number) if state else None
    end = (await subscription.end_offsets([partition])).get(partition)
    async with transactions.begin(()) as transaction:
        consumer_position = await transaction.inbox.consumer_position(partition)
        next_offset = consumer_position.next_offset
        recreated = None not in (topic_id, consumer_position.topic_id) and topic_id != consumer_position.topic_id
        # Another process may have advanced since the broker was asked: compare the end only with an
        # offset that was stored before that request.
        truncated = end is not None and end < min(before.next_offset, next_offset)
        if recreated or truncated:
            if recreated:
                log.warning("topic_recreated", consumer=name, partition=str(partition), was_at=next_offset)
            await transaction.inbox.reset_position(partition, topic_id)
            await transaction.deferrals.restart(partition)
            truncated_below = 0 if recreated else next_offset
            return ResumePosition(topic_id, 0, leader_epoch=leader_epoch, truncated_below=truncated_below)
        if topic_id is not None:
            await transaction.inbox.store_topic_id(partition, topic_id)
        topic_id = consumer_position.topic_id or topic_id
        reached = ReachedPosition(next_offset, consumer_position.last_record)
        if return_to is not None and return_to.next_offset < next_offset:
            await _return_to(return_to, next_offset, partition, topic_id, transaction)
            reached = return_to
        is_new = consumer_position.topic_id is None and next_offset == 0
        return ResumePosition(topic_id, reached.next_offset, is_new, reached.last_record, leader_epoch)


async def _return_to(
    target: ReachedPosition,
    position: int,
    partition: Partition,
    topic_id: UUID | None,
    transaction: ConsumerTransaction,
) -> None:
    moved = await transaction.inbox.fence(
        partition,
        expected=position,
        next_offset=target.next_offset,
        topic_id=topic_id,
        last_record=target.last_record,
    )
    if not moved:
        raise Fenced(f"the position in {partition} is no longer {position}")
