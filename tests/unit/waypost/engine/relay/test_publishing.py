"""Rows become records: in order, at least once, gone when acknowledged."""

import asyncio

from prometheus_client import REGISTRY

from tests.unit.waypost.engine.relay.house import TOPIC, House, first_of_each
from waypost.engine.relay import Relay
from waypost.testing.eventually import eventually


async def test_rows_are_published_in_order_and_deleted(house: House) -> None:
    await house.start_relay()
    house.write(b"a", b"1", b"2", b"3")
    await house.until_drained()
    assert house.published() == [b"1", b"2", b"3"]


async def test_rows_that_were_written_before_the_start_are_found(house: House) -> None:
    house.write(b"a", b"1")
    await house.start_relay()
    await house.until_drained()
    assert house.published() == [b"1"]


async def test_a_row_without_a_ring_is_found_all_the_same(house: House) -> None:
    await house.start_relay()
    house.outbox.add(TOPIC, b"a", b"1")
    await house.until_drained()


async def test_nothing_is_deleted_before_its_acknowledgement(house: House) -> None:
    house.broker.acknowledging.clear()
    await house.start_relay()
    house.write(b"a", b"1")
    await house.until_published(b"1")
    assert len(house.outbox.rows) == 1
    house.broker.acknowledging.set()
    await house.until_drained()


async def test_a_row_that_commits_while_a_later_one_is_in_flight_is_not_overtaken(house: House) -> None:
    """A's v2 took its id before B's row and commits after it; v3 must not pass v2."""
    await house.start_relay()
    early_id = house.outbox.next_id()
    house.broker.acknowledging.clear()
    house.write(b"a", b"unrelated")
    await house.until_published(b"unrelated")
    house.outbox.add(TOPIC, b"a", b"v2", row_id=early_id)
    house.write(b"a", b"v3")
    house.broker.acknowledging.set()
    await house.until_drained()
    assert house.published() == [b"unrelated", b"v2", b"v3"]


async def test_what_was_read_ahead_is_dropped_with_the_chunk_that_failed(house: House) -> None:
    await house.start_relay()
    house.broker.acknowledging.clear()
    house.write(b"a", b"1")
    await house.until_published(b"1")
    house.write(b"a", b"2")  # read ahead, while 1 waits for its acknowledgement
    house.broker.logs.clear()  # the log lost 1, and its acknowledgement never comes
    house.outbox.lose_sessions()
    house.broker.acknowledging.set()
    await house.until_drained()
    assert first_of_each(house.published()) == [b"1", b"2"]


async def test_the_backlog_is_measured_while_the_broker_is_away(house: House) -> None:
    house.broker.reachable = False
    house.write(b"a", b"1", b"2")
    relay = Relay(house.outbox, house.broker, house.wakeups)
    house.relays.append(relay)
    await relay.start()
    await eventually(lambda: REGISTRY.get_sample_value("waypost_outbox_pending") == 2)


async def test_draining_ends_what_is_on_its_way_and_takes_up_nothing_new(house: House) -> None:
    relay = await house.start_relay()
    house.broker.acknowledging.clear()
    house.write(b"a", b"1")
    await house.until_published(b"1")
    draining = asyncio.create_task(relay.drain(5))
    await asyncio.sleep(0)  # lets the drain begin
    house.write(b"b", b"2")
    house.broker.acknowledging.set()
    await draining
    assert b"1" not in {row.payload for row in house.outbox.rows.values()}
    assert not house.outbox.leases


async def test_a_drain_that_gets_no_acknowledgement_ends_at_its_deadline_and_loses_nothing(house: House) -> None:
    relay = await house.start_relay()
    house.broker.acknowledging.clear()
    house.write(b"a", b"1")
    await house.until_published(b"1")
    await relay.drain(0.05)
    await relay.stop()
    await relay.stop()
    assert len(house.outbox.rows) == 1
