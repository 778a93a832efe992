"""Shards are shared, lost and taken over; each new term reads from the heads."""

from tests.unit.waypost.engine.relay.rig import TOPIC, RelayRig
from waypost.testing.eventually import eventually


async def test_lost_session_starts_a_new_term(rig: RelayRig) -> None:
    relay = await rig.start_relay()
    rig.outbox.lose_sessions()
    await eventually(lambda: not relay.ready.is_set())
    rig.write(b"a", b"1")
    await rig.until_drained()
    assert relay.ready.is_set()


async def test_returned_broker_is_used_again(rig: RelayRig) -> None:
    relay = await rig.start_relay()
    rig.broker.reachable = False
    rig.write(b"a", b"1", b"2")
    await eventually(lambda: not relay.ready.is_set())
    rig.broker.reachable = True
    await rig.until_drained()
    assert rig.published() == [b"1", b"2"]


async def test_relay_without_a_broker_holds_no_shards(rig: RelayRig) -> None:
    await rig.start_relay()
    rig.broker.reachable = False
    rig.write(b"a", b"1")
    await eventually(lambda: not rig.outbox.leases)


async def test_two_relays_share_the_shards(rig: RelayRig) -> None:
    await rig.start_relay()
    await eventually(lambda: [len(lease.held) for lease in rig.outbox.leases] == [16])
    second = await rig.start_relay()
    await eventually(lambda: [len(lease.held) for lease in rig.outbox.leases] == [8, 8])
    await second.stop()
    await eventually(lambda: [len(lease.held) for lease in rig.outbox.leases] == [16])


async def test_shard_is_not_released_while_its_rows_are_in_flight(rig: RelayRig) -> None:
    await rig.start_relay()
    await eventually(lambda: [len(lease.held) for lease in rig.outbox.leases] == [16])
    rig.broker.acknowledging.clear()
    row = rig.outbox.add(TOPIC, b"a", b"1")
    rig.outbox.add(TOPIC, b"a", b"2")
    rig.wakeups.wake("outbox")
    await rig.until_published(b"1")
    await rig.start_relay()
    await rig.start_relay()
    await eventually(lambda: sum(len(lease.held) for lease in rig.outbox.leases[1:]) > 0)
    assert row.shard in rig.outbox.leases[0].held
    rig.broker.acknowledging.set()
    await rig.until_drained()
    assert rig.published() == [b"1", b"2"]


async def test_frozen_relay_is_replaced(rig: RelayRig) -> None:
    await rig.start_relay()
    await eventually(lambda: [len(lease.held) for lease in rig.outbox.leases] == [16])
    rig.outbox.leases[0].silent = True
    await rig.start_relay()
    rig.write(b"a", b"1")
    await rig.until_drained()
