"""The consuming side of the broker: group membership, and reading assigned partitions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from waypost.kernel.envelope import Record


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """A partition of a topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"


class TopicState(NamedTuple):
    """The state of a topic in the cluster."""

    topic_id: UUID
    """The topic's id (KIP-516). A recreated topic has another id."""
    leader_epochs: Mapping[int, int]
    """By partition: the number of its leader elections. A new leader may lack the last records of
    the one before.
    """


class Assignments(Protocol):
    """Callbacks of a subscription for rebalances. The broker's client logs and drops errors in
    them.
    """

    async def revoked(self) -> None:
        """All partitions are about to be revoked: end running work quickly. The group waits for the
        end of this call.
        """
        ...

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """These partitions are assigned, and paused: the consumer of each seeks and resumes it."""
        ...


class Subscription(Protocol):
    """One member of one consumer group. Committed offsets are for lag tools; the database stores
    the position.
    """

    async def join(self, topics: Iterable[str], assignments: Assignments) -> None:
        """Joins the group and subscribes to the topics. Raises Transient if the broker cannot be
        reached.
        """
        ...

    async def rejoin(self) -> None:
        """Replaces a stalled client: leaves and joins again. Raises Transient if the broker cannot
        be reached.
        """
        ...

    async def leave(self) -> None:
        """Leaves the group. Bounded in time, even if the broker does not answer."""
        ...

    async def poll(self, partition: Partition, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        """The next records in offset order; none after the time-out, during a rebalance and after
        leaving.

        Must not be cancelled: records that it has received would be lost.
        """
        ...

    def end_polls(self) -> None:
        """Makes the running polls return, without records if none have arrived. Call it where a
        partition's task must do something else soon. Revocation and leaving do the same.
        """
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """Continues at the offset: drops records fetched ahead, and resumes. No effect on a
        partition that is no longer assigned.
        """
        ...

    async def end_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """The offset of the next record to be written, per partition. Raises Transient."""
        ...

    async def first_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """The offset of the oldest retained record, per partition. Raises Transient."""
        ...

    async def topic_states(self, topics: Iterable[str]) -> Mapping[str, TopicState]:
        """The states of the topics; unknown topics are left out. Raises Transient."""
        ...

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commits offsets, best effort: offsets that the group refuses are dropped."""
        ...
