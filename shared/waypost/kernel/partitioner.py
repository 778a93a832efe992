"""Partition and outbox shard of a key: MurmurHash2 as in Kafka's Java client, so that all clients
agree.
"""

from collections.abc import Sequence
from struct import unpack_from

SHARDS = 16
"""Number of outbox shards. A multiple of every topic's partition count, see `partition_for`."""

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_WORD = 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """The hash as an unsigned 32-bit number (org.apache.kafka.common.utils.Utils.murmur2). 2 µs for
    a UUID's text.
    """
    size = len(key)
    words = size // 4
    state = _SEED ^ size
    for word in unpack_from(f"<{words}I", key):
        mixed = (word * _MULTIPLIER) & _WORD
        mixed = ((mixed ^ (mixed >> 24)) * _MULTIPLIER) & _WORD
        state = ((state * _MULTIPLIER) & _WORD) ^ mixed
    if rest := key[4 * words :]:
        state = ((state ^ int.from_bytes(rest, "little")) * _MULTIPLIER) & _WORD
    state = ((state ^ (state >> 13)) * _MULTIPLIER) & _WORD
    return state ^ (state >> 15)


def partition_for(key: bytes, partitions: int) -> int:
    """The partition that the Java client's default partitioner chooses.

    If `partitions` divides SHARDS, this is `shard_for(key) % partitions`: the key need not be
    hashed again.
    """
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def shards_of(partition: int, partitions: int) -> Sequence[int]:
    """The shards whose rows may belong to a partition: every shard if the partition does not follow
    from it.
    """
    return [shard for shard in range(SHARDS) if SHARDS % partitions or shard % partitions == partition]


def shard_for(key: bytes) -> int:
    """The outbox shard, 0 to 15: one relay publishes all rows of a key."""
    return murmur2(key) % SHARDS
