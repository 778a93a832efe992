"""Rows that cannot be published delay only their own key or topic."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.unit.waypost.engine.relay.rig import TOPIC, RelayRig, first_of_each, refusing
from waypost.engine.relay import in_flight, term
from waypost.engine.relay.state import ChunkSize
from waypost.kernel.partitioner import SHARDS
from waypost.memory.broker import MemoryPartitionSender
from waypost.ports.broker import OutgoingRecord
from waypost.testing.eventually import eventually


async def test_key_of_an_unpublishable_row_is_quarantined_and_others_continue(rig: RelayRig) -> None:
    rig.broker.refuses = refusing(b"bad")
    rig.write(b"a", b"1", b"bad", b"3")
    rig.write(b"b", b"4", b"5")
    await rig.start_relay()
    await eventually(lambda: rig.outbox.marked)
    rig.write(b"a", b"6")
    rig.write(b"b", b"7")
    await rig.until_published(b"1", b"4", b"5", b"7")
    await eventually(lambda: [row.payload for row in rig.outbox.rows.values()] == [b"bad", b"3", b"6"])
    assert rig.outbox.marked == {b"a": "too large"}
    assert not {b"bad", b"3", b"6"} & set(rig.published())


async def test_acknowledged_rows_are_deleted_if_the_next_chunk_is_refused(rig: RelayRig) -> None:
    offered = asyncio.Event()

    def refuse(record: OutgoingRecord) -> bool:
        if record.value == b"bad":
            offered.set()
        return record.value == b"bad"

    rig.broker.refuses = refuse
    rig.outbox.deleting.clear()
    await rig.start_relay()
    rig.write(b"a", b"1")
    await rig.until_published(b"1")
    rig.write(b"a", b"bad")
    async with asyncio.timeout(5):
        await offered.wait()
    rig.outbox.deleting.set()
    await eventually(lambda: rig.outbox.marked)
    assert rig.published() == [b"1"]
    assert [row.payload for row in rig.outbox.rows.values()] == [b"bad"]


async def test_rows_of_the_next_page_do_not_overtake_an_unreadable_row(rig: RelayRig) -> None:
    payloads = [b"%d" % number for number in range(2 * ChunkSize.MAX_ROWS // SHARDS)]
    for payload in payloads:
        rig.outbox.add(TOPIC, b"a", payload, headers="no json" if payload == b"50" else "{}")
    await rig.start_relay()
    await eventually(lambda: rig.outbox.marked)
    assert first_of_each(rig.published()) == payloads[:50]


async def test_released_key_is_published_in_order(rig: RelayRig) -> None:
    rig.broker.refuses = refusing(b"bad")
    rig.write(b"a", b"bad", b"2")
    await rig.start_relay()
    await eventually(lambda: rig.outbox.marked)
    rig.broker.refuses = refusing()
    rig.outbox.marked.clear()
    await rig.until_drained()
    assert rig.published() == [b"bad", b"2"]


async def test_temporary_refusal_quarantines_nothing(rig: RelayRig) -> None:
    refused = 0

    def twice(record: OutgoingRecord) -> bool:
        nonlocal refused
        refused += 1
        return refused <= 3

    rig.broker.refuses = twice
    rig.write(b"a", b"1", b"2")
    await rig.start_relay()
    await rig.until_drained()
    assert rig.published() == [b"1", b"2"]
    assert not rig.outbox.marked


async def test_rows_of_a_missing_topic_wait_and_others_continue(rig: RelayRig) -> None:
    rig.write(b"a", b"1", topic="users.missing")
    rig.write(b"b", b"2")
    await rig.start_relay()
    await rig.until_published(b"2")
    await eventually(lambda: [row.payload for row in rig.outbox.rows.values()] == [b"1"])
    rig.broker.topics.add("users.missing")
    await rig.until_drained()
    assert rig.published("users.missing") == [b"1"]
    assert not rig.outbox.marked


async def test_topic_without_an_answer_does_not_hold_the_others(rig: RelayRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChunkSize, "MAX_ROWS", 1)
    monkeypatch.setattr(in_flight, "SLOW_SECONDS", 0.01)
    rig.broker.topics.add("users.silent")
    rig.broker.unanswered.add("users.silent")
    rig.write(b"a", b"1", b"2", b"3", b"4", topic="users.silent")
    await rig.start_relay()
    await eventually(lambda: rig.published("users.silent"))
    rig.write(b"b", b"5", b"6")
    await eventually(lambda: b"6" not in {row.payload for row in rig.outbox.rows.values()}, deadline_seconds=2)
    assert rig.published() == [b"5", b"6"]
    assert {row.topic for row in rig.outbox.rows.values()} == {"users.silent"}


async def test_refused_record_does_not_delay_rows_of_another_topic(rig: RelayRig) -> None:
    """Each record that may be the cause is sent alone, but only within its topic."""
    rig.broker.topics.add("users.other")
    rig.broker.refuses = refusing(b"bad")
    rig.write(b"a", b"bad", b"2", b"3")
    rig.write(b"b", b"4", topic="users.other")
    await rig.start_relay()
    await eventually(lambda: rig.outbox.marked)
    assert rig.published("users.other").count(b"4") == 1


async def test_chunks_of_a_partition_shrink_although_another_topic_is_acknowledged(
    rig: RelayRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ChunkSize, "MAX_ROWS", 64 * SHARDS)  # 64 rows per shard
    monkeypatch.setattr(term, "SEND_SECONDS", 0.05)
    rig.broker.topics.add("users.slow")
    send = MemoryPartitionSender.send

    async def send_or_hang(sender: MemoryPartitionSender, records: Sequence[OutgoingRecord]) -> None:
        await send(sender, records)
        if records[0].topic != "users.slow":
            rig.write(b"b", b"again")  # the other topic always has a row to send
        elif len(records) > 4:
            await asyncio.Event().wait()

    monkeypatch.setattr(MemoryPartitionSender, "send", send_or_hang)
    payloads = [b"%d" % number for number in range(64)]
    rig.write(b"a", *payloads, topic="users.slow")
    rig.write(b"b", b"first")
    await rig.start_relay()
    await eventually(lambda: {row.topic for row in rig.outbox.rows.values()} == {"users.user"})
    assert first_of_each(rig.published("users.slow")) == payloads
