"""Shards are shared, lost and taken over; each time a new term begins from the heads."""

from tests.unit.waypost.engine.relay.house import TOPIC, House
from waypost.testing.eventually import eventually


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
