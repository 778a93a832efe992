"""A record of a newer release, and the wait for that release outside of the consumer group."""

from waypost.kafka.groups import group_state
from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import NewerSchema
from waypost.ports.brokers import Brokers
from waypost.ports.subscription import Partition

CHECKS = Backoff(first_seconds=1.0, factor=2.0, max_seconds=60.0)
"""Pauses between two requests for the state of the group."""


class NewerRecord(NewerSchema):
    """The next record of the live view was written by a newer release."""

    def __init__(self, partition: Partition, offset: int, reason: str) -> None:
        self.partition = partition
        self.offset = offset
        super().__init__(
            f"{reason}. This process has left its consumer group at {partition.topic}/{partition.number}, offset {offset}:"
            " replace it by a process of that release; `waypost doctor` says how to skip the record",
            topic=partition.topic,
            partition=partition.number,
            offset=offset,
        )


async def may_join(brokers: Brokers, group: str, met: NewerRecord) -> bool:
    """Whether a process of this release is needed again: the record was handled or skipped, and the
    group has no members. A process that joined beside newer ones would take partitions from them,
    and leave again at the next such record. Raises Transient.
    """
    state = await group_state(brokers, group)
    return state.members == 0 and state.committed.get(met.partition, 0) > met.offset
