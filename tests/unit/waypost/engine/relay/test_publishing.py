"""Rows are published in order, at least once, and deleted when acknowledged."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from tests.unit.waypost.engine.relay.rig import TOPIC, RelayRig, first_of_each
from waypost.engine.relay import Relay, term
from waypost.testing.eventually import eventually


async def test_rows_are_published_in_order_and_deleted(rig: RelayRig) -> None:
    await rig.start_relay()
    rig.write(b"a", b"1", b"2", b"3")
    await rig.until_drained()
    assert rig.published() == [b"1", b"2", b"3"]


async def test_rows_written_before_the_start_are_published(rig: RelayRig) -> None:
    rig.write(b"a", b"1")
    await rig.start_relay()
    await rig.until_drained()
    assert rig.published() == [b"1"]


async def test_row_without_a_wakeup_is_published(rig: RelayRig) -> None:
    await rig.start_relay()
    rig.outbox.add(TOPIC, b"a", b"1")
    await rig.until_drained()


async def test_row_is_not_deleted_before_its_acknowledgement(rig: RelayRig) -> None:
    rig.broker.acknowledging.clear()
    await rig.start_relay()
    rig.write(b"a", b"1")
    await rig.until_published(b"1")
    assert len(rig.outbox.rows) == 1
    rig.broker.acknowledging.set()
    await rig.until_drained()


async def test_row_that_commits_while_a_later_one_is_in_flight_is_not_overtaken(rig: RelayRig) -> None:
    """A's v2 gets its id before B's row and commits after it; v3 must not overtake v2."""
    await rig.start_relay()
    early_id = rig.outbox.next_id()
    rig.broker.acknowledging.clear()
    rig.write(b"a", b"unrelated")
    await rig.until_published(b"unrelated")
    rig.outbox.add(TOPIC, b"a", b"v2", row_id=early_id)
    rig.write(b"a", b"v3")
    rig.broker.acknowledging.set()
    await rig.until_drained()
    assert rig.published() == [b"unrelated", b"v2", b"v3"]


async def test_chunk_read_ahead_is_dropped_after_a_failed_chunk(rig: RelayRig) -> None:
    await rig.start_relay()
    rig.broker.acknowledging.clear()
    rig.write(b"a", b"1")
    await rig.until_published(b"1")
    rig.write(b"a", b"2")  # read ahead, while 1 waits for its acknowledgement
    rig.broker.logs.clear()  # the log lost 1, and its acknowledgement never comes
    rig.outbox.lose_sessions()
    rig.broker.acknowledging.set()
    await rig.until_drained()
    assert first_of_each(rig.published()) == [b"1", b"2"]


async def test_time_behind_an_earlier_chunk_of_the_topic_does_not_count(
    rig: RelayRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.start_relay()
    rig.broker.acknowledging.clear()
    rig.write(b"a", b"1")
    await rig.until_published(b"1")
    monkeypatch.setattr(term, "SEND_SECONDS", 0)
    rig.write(b"a", b"2")
    await rig.until_published(b"2")
    rig.broker.acknowledging.set()
    await rig.until_drained()
    assert rig.published() == [b"1", b"2"]


async def test_backlog_is_measured_while_the_broker_is_unavailable(rig: RelayRig) -> None:
    rig.broker.reachable = False
    rig.write(b"a", b"1", b"2")
    relay = Relay(rig.outbox, rig.broker, rig.wakeups)
    rig.relays.append(relay)
    await relay.start()
    await eventually(lambda: REGISTRY.get_sample_value("waypost_outbox_pending") == 2)


async def test_drain_finishes_rows_in_flight_and_reads_no_more(rig: RelayRig) -> None:
    relay = await rig.start_relay()
    rig.broker.acknowledging.clear()
    rig.write(b"a", b"1")
    await rig.until_published(b"1")
    draining = asyncio.create_task(relay.drain(5))
    await asyncio.sleep(0)  # lets the drain begin
    rig.write(b"b", b"2")
    rig.broker.acknowledging.set()
    await draining
    assert b"1" not in {row.payload for row in rig.outbox.rows.values()}
    assert not rig.outbox.leases


async def test_drain_without_acknowledgement_ends_at_its_deadline_without_loss(rig: RelayRig) -> None:
    relay = await rig.start_relay()
    rig.broker.acknowledging.clear()
    rig.write(b"a", b"1")
    await rig.until_published(b"1")
    await relay.drain(0.05)
    await relay.stop()
    await relay.stop()
    assert len(rig.outbox.rows) == 1
