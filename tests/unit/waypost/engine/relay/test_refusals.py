"""Rows that cannot be sent hold up their own key, or their own topic, and nobody else."""

import asyncio

from tests.unit.waypost.engine.relay.house import House, refusing
from waypost.ports.broker import OutgoingRecord
from waypost.testing.eventually import eventually


async def test_a_row_that_can_never_be_sent_has_its_key_set_aside_and_the_others_flow(house: House) -> None:
    house.broker.refuses = refusing(b"bad")
    house.write(b"a", b"1", b"bad", b"3")
    house.write(b"b", b"4", b"5")
    await house.start_relay()
    await eventually(lambda: house.outbox.marked)
    house.write(b"a", b"6")
    house.write(b"b", b"7")
    await house.until_published(b"1", b"4", b"5", b"7")
    await eventually(lambda: [row.payload for row in house.outbox.rows.values()] == [b"bad", b"3", b"6"])
    assert house.outbox.marked == {b"a": "too large"}
    assert not {b"bad", b"3", b"6"} & set(house.published())


async def test_what_was_acknowledged_is_deleted_even_when_the_next_chunk_is_refused(house: House) -> None:
    offered = asyncio.Event()

    def refuse(record: OutgoingRecord) -> bool:
        if record.value == b"bad":
            offered.set()
        return record.value == b"bad"

    house.broker.refuses = refuse
    house.outbox.deleting.clear()
    await house.start_relay()
    house.write(b"a", b"1")
    await house.until_published(b"1")
    house.write(b"a", b"bad")
    await asyncio.wait_for(offered.wait(), 5)
    house.outbox.deleting.set()
    await eventually(lambda: house.outbox.marked)
    assert house.published() == [b"1"]
    assert [row.payload for row in house.outbox.rows.values()] == [b"bad"]


async def test_once_its_mark_is_taken_away_a_key_flows_in_order(house: House) -> None:
    house.broker.refuses = refusing(b"bad")
    house.write(b"a", b"bad", b"2")
    await house.start_relay()
    await eventually(lambda: house.outbox.marked)
    house.broker.refuses = refusing()
    house.outbox.marked.clear()
    await house.until_drained()
    assert house.published() == [b"bad", b"2"]


async def test_a_refusal_that_passes_marks_nothing(house: House) -> None:
    refused = 0

    def twice(record: OutgoingRecord) -> bool:
        nonlocal refused
        refused += 1
        return refused <= 3

    house.broker.refuses = twice
    house.write(b"a", b"1", b"2")
    await house.start_relay()
    await house.until_drained()
    assert house.published() == [b"1", b"2"]
    assert not house.outbox.marked


async def test_rows_of_a_missing_topic_wait_and_the_others_flow(house: House) -> None:
    house.write(b"a", b"1", topic="users.missing")
    house.write(b"b", b"2")
    await house.start_relay()
    await house.until_published(b"2")
    await eventually(lambda: [row.payload for row in house.outbox.rows.values()] == [b"1"])
    house.broker.topics.add("users.missing")
    await house.until_drained()
    assert house.published("users.missing") == [b"1"]
    assert not house.outbox.marked
