"""Compares our murmur2 with aiokafka's, which its ordinary `send()` uses: both must choose the same
partition for a key.
"""

from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as theirs
from hypothesis import given
from hypothesis import strategies as st

from waypost.kernel.partitioner import murmur2, partition_for


@given(key=st.binary(max_size=60))
def test_hashes_are_equal(key: bytes) -> None:
    assert murmur2(key) == theirs(key) % 2**32


@given(key=st.uuids().map(lambda id_: str(id_).encode()), partitions=st.integers(min_value=1, max_value=64))
def test_partitions_are_equal(key: bytes, partitions: int) -> None:
    everyone = list(range(partitions))
    assert partition_for(key, partitions) == DefaultPartitioner()(key, everyone, everyone)
