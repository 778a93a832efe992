"""Keys fall where Kafka's Java client puts them."""

from uuid import uuid4

import pytest

from waypost.kernel.partitioner import SHARDS, murmur2, partition_for, shard_for


@pytest.mark.parametrize(
    ("key", "signed"),
    [  # org.apache.kafka.common.utils.UtilsTest.testMurmur2
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_known_vectors_of_the_java_client(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


def test_the_shard_gives_the_partition() -> None:
    for key in (str(uuid4()).encode() for _ in range(200)):
        assert partition_for(key, 8) == shard_for(key) % 8
        assert 0 <= shard_for(key) < SHARDS
