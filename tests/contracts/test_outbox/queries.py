"""Queries of a lease, for the suite."""

from collections.abc import Collection

from waypost.kernel.partitioner import SHARDS
from waypost.ports.outbox import OutboxLease, ShardTopic

ALL = frozenset(range(SHARDS))


async def read_pending(
    lease: OutboxLease,
    *,
    in_flight: Collection[int] = (),
    held: Collection[ShardTopic] = (),
    rows_per_shard: int = 100,
    bytes_per_shard: int = 1_000_000,
) -> list[int]:
    rows = await lease.read_pending(
        ALL,
        in_flight=in_flight,
        held=held,
        rows_per_shard=rows_per_shard,
        bytes_per_shard=bytes_per_shard,
    )
    return [row.id for row in rows]


async def publish(
    lease: OutboxLease,
    *ids: int,
    in_flight: Collection[int] = (),
    held: Collection[ShardTopic] = (),
    shards: Collection[int] = ALL,
) -> None:
    """Reads, deletes exactly these rows, and reads again several times."""
    rows = await lease.read_pending(
        shards, in_flight=in_flight, held=held, rows_per_shard=100, bytes_per_shard=1_000_000
    )
    found = [row for row in rows if row.id in ids]
    assert len(found) == len(ids)
    await lease.delete(found)
    for _ in range(5):
        left = await lease.read_pending(
            shards, in_flight=in_flight, held=held, rows_per_shard=100, bytes_per_shard=1_000_000
        )
        assert not {row.id for row in left} & set(ids)
