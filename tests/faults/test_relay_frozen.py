"""A frozen relay: its session would keep its shards without limit, since the kernel answers for it
(fault matrix 9 and 10).
"""

from tests.faults.relay_rig import Rig
from tests.fixtures.processes import is_stopped
from waypost.testing.eventually import eventually

KEYS = [f"00000000-0000-7000-8000-{number:012}" for number in range(12)]

TAKEOVER_SECONDS = 5.0
"""The promised limit: 3 s of silence, and a rebalance."""


async def test_another_relay_takes_over_and_the_frozen_one_wakes_without_harm(rig: Rig) -> None:
    await rig.write_versions(KEYS, range(1, 4))
    frozen = await rig.start_relay(failpoints="relay.after_ack=stop")
    await eventually(lambda: is_stopped(frozen), deadline_seconds=20)
    await rig.start_relay()
    await rig.write_versions(KEYS, range(4, 8))
    await rig.until_drained(deadline_seconds=TAKEOVER_SECONDS + 3)  # plus the start of a process
    await rig.write_versions(KEYS, range(8, 10))
    frozen.resume()  # it tries to delete the rows that it sent, and to send the rows that it read ahead
    await rig.until_drained()
    await rig.write_versions(KEYS, range(10, 12))
    await rig.until_drained()
    await rig.assert_nothing_lost_and_in_order()


async def test_a_woken_relay_can_only_repeat(rig: Rig) -> None:
    """Frozen after its read, it may send rows late that another relay has sent meanwhile; then it
    finds its session ended, and starts again.
    """
    await rig.write_versions(KEYS, range(1, 4))
    frozen = await rig.start_relay(failpoints="relay.after_select=stop")
    await eventually(lambda: is_stopped(frozen), deadline_seconds=20)
    await rig.start_relay()
    await rig.until_drained(deadline_seconds=TAKEOVER_SECONDS + 3)
    await rig.write_versions(KEYS, range(4, 6))
    await rig.until_drained()
    frozen.resume()
    await rig.until_relays(2)
    await rig.write_versions(KEYS, range(6, 8))
    await rig.until_drained()
    await rig.assert_nothing_lost_and_in_order()


async def test_two_relays_at_once_keep_order_per_aggregate(rig: Rig) -> None:
    await rig.start_relay()
    await rig.start_relay()
    await rig.write_versions(KEYS, range(1, 40))
    await rig.until_drained()
    await rig.assert_nothing_lost_and_in_order()
    assert await rig.duplicates() == 0  # no shard had two owners, not even during the rebalance


async def test_relays_start_and_stop_under_load(rig: Rig) -> None:
    for first in range(0, 60, 20):
        relay = await rig.start_relay()
        await rig.write_versions(KEYS, range(first, first + 10))
        relay.pause()
        await rig.start_relay()
        await rig.write_versions(KEYS, range(first + 10, first + 20))
        relay.resume()
    await rig.until_drained()
    await rig.assert_nothing_lost_and_in_order()
