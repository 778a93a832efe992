"""The relay's batches are read like those of aiokafka's own builder."""

import os
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.record.memory_records import MemoryRecords

from waypost.kafka.record_batch import FastBatch

NONE, LZ4 = 0, 3
PRODUCER = (5, 6, 7)


def filled(batch: BatchBuilder, values: Sequence[bytes]) -> BatchBuilder:
    for number, value in enumerate(values):
        headers = [("ce_id", b"%d" % number), ("ce_type", b"user.created")]
        batch.append(timestamp=1000 - number, key=b"key", value=value, headers=headers)
    batch._set_producer_state(*PRODUCER)
    return batch


def content_of(built: bytes) -> tuple[object, ...]:
    batch: Any = MemoryRecords(bytes(built)).next_batch()
    assert batch.validate_crc()
    header = (batch.attributes, batch.producer_id, batch.producer_epoch, batch.base_sequence, batch.last_offset_delta)
    records = [(each.offset, each.timestamp, each.key, each.value, list(each.headers)) for each in batch]
    return header, batch.max_timestamp, records


@pytest.mark.parametrize(
    ("values", "codec"), [([b"1" * 500, b"2" * 500], LZ4), ([os.urandom(500)], NONE)], ids=["smaller", "no smaller"]
)
def test_a_batch_has_the_content_of_aiokafkas_own(values: Sequence[bytes], codec: int) -> None:
    built = filled(FastBatch(10_000), values)._build()
    assert content_of(built) == content_of(filled(BatchBuilder(10_000, codec), values)._build())
    assert content_of(built)[0] == (codec, *PRODUCER, len(values) - 1)


def test_a_batch_that_is_sent_again_is_the_same() -> None:
    batch = filled(FastBatch(10_000), [b"1" * 500])
    assert batch._build() is batch._build()


async def test_sequence_numbers_continue_at_zero() -> None:
    """The broker finds a batch with a negative number invalid."""
    manager, partition = TransactionManager(None, 0), TopicPartition("users.user", 0)
    manager.increment_sequence_number(partition, 2**31 - 4)
    sequences = []
    for _ in range(4):
        batch = FastBatch(1_000)
        batch._set_producer_state(5, 6, manager.sequence_number(partition))
        sequences.append(batch._builder.base_sequence)
        manager.increment_sequence_number(partition, 3)
    assert sequences == [2**31 - 4, 2**31 - 1, 2, 5]
    manager.increment_sequence_number(partition, -9)  # as after refusals
    refused = FastBatch(1_000)
    refused._set_producer_state(5, 6, manager.sequence_number(partition))
    assert refused._builder.base_sequence == 2**31 - 1


def test_a_full_batch_accepts_no_record() -> None:
    batch = filled(FastBatch(1_000), [bytes(800)])
    assert batch.append(timestamp=0, key=b"key", value=bytes(800), headers=[]) is None
    assert batch.record_count() == 1
