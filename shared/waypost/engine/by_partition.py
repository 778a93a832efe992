"""Assigns outbox rows and records to the partitions of their topics."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TypeVar

from waypost.kernel.partitioner import SHARDS, partition_for
from waypost.ports.broker import OutgoingRecord
from waypost.ports.outbox import PendingRow
from waypost.ports.subscription import Partition

R = TypeVar("R", PendingRow, OutgoingRecord)

Partitions = Callable[[str], Awaitable[int]]
"""The number of partitions of a topic; 0 for a topic to leave out."""


async def by_partition(rows: Iterable[R], partitions: Partitions) -> Mapping[Partition, Sequence[R]]:
    """The rows of each partition, in their order."""
    counts: dict[str, int] = {}
    found: defaultdict[tuple[str, int], list[R]] = defaultdict(list)
    for (topic, shard), run in groupby(rows, key=attrgetter("topic", "shard")):
        if topic not in counts:
            counts[topic] = await partitions(topic)
        count = counts[topic]
        if count and SHARDS % count == 0:
            found[topic, shard % count].extend(run)
        elif count:
            for row in run:
                found[topic, partition_for(row.key, count)].append(row)
    return {Partition(*named): of_one for named, of_one in found.items()}
