"""Divides the partitions of a rebuild among processes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from waypost.ports.inbox import ConsumerPosition
from waypost.ports.subscription import Partition

Positions = Mapping[Partition, ConsumerPosition]


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """How many processes read the topics of a rebuild, beside its own."""

    at_most: int = 0
    records_each: int = 20_000
    """Fewer records are not worth a process, which has to connect first."""

    def divide(self, live: Positions) -> Sequence[Positions]:
        """Partitions for each process, about the same number of records each. Empty if the
        rebuild's own process reads everything.
        """
        with_records = sum(position.next_offset > 0 for position in live.values())
        number = min(self.at_most, with_records, records_below(live) // self.records_each)
        parts: list[dict[Partition, ConsumerPosition]] = [{} for _ in range(number)]
        if parts:
            for partition in sorted(live, key=lambda partition: live[partition].next_offset, reverse=True):
                min(parts, key=records_below)[partition] = live[partition]
        return parts


def records_below(positions: Positions) -> int:
    return sum(position.next_offset for position in positions.values())
