"""Partitions are divided among processes by their number of records."""

import pytest

from waypost.engine.rebuild.parts import Processes, records_below
from waypost.ports.inbox import ConsumerPosition
from waypost.ports.subscription import Partition


def positions(*next_offsets: int) -> dict[Partition, ConsumerPosition]:
    return {
        Partition("t", number): ConsumerPosition(next_offset=offset, topic_id=None, starts=0)
        for number, offset in enumerate(next_offsets)
    }


@pytest.mark.parametrize(
    ("at_most", "next_offsets", "expected"),
    [
        (2, (50, 10, 20, 20), [50, 50]),
        (4, (100, 100), [100, 100]),
        (4, (5, 4), []),
        (3, (10, 10, 0), [10, 10]),
        (4, (100, 0, 0, 0), [100]),
        (1, (70, 30), [100]),
        (0, (70, 30), []),
    ],
)
def test_each_process_reads_about_the_same_number_of_records(
    at_most: int, next_offsets: tuple[int, ...], expected: list[int]
) -> None:
    live = positions(*next_offsets)
    parts = Processes(at_most=at_most, records_each=10).divide(live)
    assert [records_below(part) for part in parts] == expected
    assert sorted(partition for part in parts for partition in part) == (sorted(live) if parts else [])
