"""The consuming side of the broker: membership in a group, and what its partitions hold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from waypost.kernel.envelope import Record


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"


class Assignments(Protocol):
    """Told by a subscription when partitions come and go. An error in these calls is logged by the
    broker's client and lost.
    """

    async def revoked(self) -> None:
        """All partitions are about to be taken away: end what is running, briefly. The group waits
        for it.
        """
        ...

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """These partitions are ours from now on, and paused: whoever consumes one seeks and resumes
        it.
        """
        ...


class Subscription(Protocol):
    """One member of one consumer group. Offsets committed here are for lag tools; where a consumer
    stands is in its inbox.
    """

    async def join(self, topics: Iterable[str], assignments: Assignments) -> None:
        """Raises Transient where the broker cannot be reached."""
        ...

    async def rejoin(self) -> None:
        """Leaves with a client that has gone silent and joins with a new one. Raises Transient
        where the broker cannot be reached.
        """
        ...

    async def leave(self) -> None:
        """Bounded in time, also when the broker does not answer."""
        ...

    async def poll(self, partition: Partition, *, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        """The next records in offset order; none after the time-out, during a rebalance and after
        leaving. Not to be cancelled.
        """
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """Goes on from there, dropping what was fetched ahead, and resumes. No effect on a
        partition that is no longer ours.
        """
        ...

    async def end_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """Where the next record of each would be written. Raises Transient."""
        ...

    async def topic_ids(self, topics: Iterable[str]) -> Mapping[str, UUID]:
        """A topic that was deleted and made again has another id; unknown topics are left out.
        Raises Transient.
        """
        ...

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Best effort: what the group refuses is dropped."""
        ...
