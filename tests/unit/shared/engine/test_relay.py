"""The relay's logic against an outbox and a broker in memory, whose faults happen exactly where the test wants them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from prometheus_client import REGISTRY

from shared.engine.doorbell import LocalWakeups
from shared.engine.relay import Relay
from shared.memory.broker import MemoryBroker
from shared.memory.outbox import MemoryOutbox
from shared.ports.broker import OutgoingRecord
from tests.fixtures.eventually import eventually

TOPIC = "users.user"


class House:
    """One outbox, one broker, and as many relays as a test starts."""

    def __init__(self) -> None:
        self.outbox = MemoryOutbox()
        self.broker = MemoryBroker(TOPIC)
        self.wakeups = LocalWakeups()
        self.relays: list[Relay] = []

    async def start_relay(self) -> Relay:
        relay = Relay(self.outbox, self.broker, self.wakeups)
        self.relays.append(relay)
        await relay.start()
        await asyncio.wait_for(relay.ready.wait(), 5)
        return relay

    def write(self, key: bytes, *payloads: bytes, topic: str = TOPIC) -> None:
        for payload in payloads:
            self.outbox.add(topic, key, payload)
        self.wakeups.wake("outbox")

    def published(self, topic: str = TOPIC) -> Sequence[bytes]:
        return [record.value for record in self.broker.logs[topic]]

    async def until_published(self, *payloads: bytes) -> None:
        await eventually(lambda: set(payloads) <= set(self.published()))

    async def until_drained(self) -> None:
        await eventually(lambda: not self.outbox.rows)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    yield house
    for relay in house.relays:
        await relay.stop()


def first_of_each(values: Sequence[bytes]) -> Sequence[bytes]:
    """As a consumer sees them that knows each event by its id."""
    return list(dict.fromkeys(values))


def refusing(*payloads: bytes) -> Callable[[OutgoingRecord], bool]:
    return lambda record: record.value in payloads


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


async def test_a_lost_session_begins_a_new_term(house: House) -> None:
    relay = await house.start_relay()
    house.outbox.lose_sessions()
    await eventually(lambda: not relay.ready.is_set())
    house.write(b"a", b"1")
    await house.until_drained()
    assert relay.ready.is_set()


async def test_a_broker_that_comes_back_is_used_again(house: House) -> None:
    relay = await house.start_relay()
    house.broker.reachable = False
    house.write(b"a", b"1", b"2")
    await eventually(lambda: not relay.ready.is_set())
    house.broker.reachable = True
    await house.until_drained()
    assert house.published() == [b"1", b"2"]


async def test_a_relay_without_a_broker_holds_no_shards(house: House) -> None:
    await house.start_relay()
    house.broker.reachable = False
    house.write(b"a", b"1")
    await eventually(lambda: not house.outbox.leases)


async def test_two_relays_share_the_shards(house: House) -> None:
    await house.start_relay()
    await eventually(lambda: [len(lease.held) for lease in house.outbox.leases] == [16])
    second = await house.start_relay()
    await eventually(lambda: [len(lease.held) for lease in house.outbox.leases] == [8, 8])
    await second.stop()
    await eventually(lambda: [len(lease.held) for lease in house.outbox.leases] == [16])


async def test_a_shard_is_not_given_away_while_rows_of_it_are_in_flight(house: House) -> None:
    await house.start_relay()
    await eventually(lambda: [len(lease.held) for lease in house.outbox.leases] == [16])
    house.broker.acknowledging.clear()
    row = house.outbox.add(TOPIC, b"a", b"1")
    house.outbox.add(TOPIC, b"a", b"2")
    house.wakeups.wake("outbox")
    await house.until_published(b"1")
    await house.start_relay()
    await house.start_relay()
    await eventually(lambda: sum(len(lease.held) for lease in house.outbox.leases[1:]) > 0)
    assert row.shard in house.outbox.leases[0].held
    house.broker.acknowledging.set()
    await house.until_drained()
    assert house.published() == [b"1", b"2"]


async def test_a_frozen_relay_is_succeeded(house: House) -> None:
    await house.start_relay()
    await eventually(lambda: [len(lease.held) for lease in house.outbox.leases] == [16])
    house.outbox.leases[0].silent = True
    await house.start_relay()
    house.write(b"a", b"1")
    await house.until_drained()


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
