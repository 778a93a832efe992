"""A relay that is killed at each of its steps: rows may be sent twice, but are never lost or out of
order (fault matrix 5 to 8).
"""

import signal

import pytest

from tests.faults.relay_rig import Rig

KEYS = [f"00000000-0000-7000-8000-{number:012}" for number in range(12)]


@pytest.mark.parametrize("point", ["relay.after_select", "relay.after_send", "relay.after_ack", "relay.after_delete"])
async def test_a_relay_killed_at_any_step_loses_nothing_and_keeps_order(rig: Rig, point: str) -> None:
    await rig.write_versions(KEYS, range(1, 6))
    doomed = await rig.start_relay(failpoints=f"{point}=kill")
    assert await doomed.wait() == -signal.SIGKILL
    await rig.write_versions(KEYS, range(6, 11))
    await rig.start_relay()
    await rig.until_drained()
    await rig.assert_nothing_lost_and_in_order()


async def test_relay_killed_between_ack_and_delete_repeats_the_chunk(rig: Rig) -> None:
    await rig.write_versions(KEYS, range(1, 6))
    doomed = await rig.start_relay(failpoints="relay.after_ack=kill")
    assert await doomed.wait() == -signal.SIGKILL
    assert await rig.first_appearances() == rig.written
    await rig.start_relay()
    await rig.until_drained()
    await rig.assert_nothing_lost_and_in_order()
    assert await rig.duplicates() == len(KEYS) * 5


async def test_relay_killed_after_the_delete_sends_nothing_twice(rig: Rig) -> None:
    await rig.write_versions(KEYS, range(1, 6))
    doomed = await rig.start_relay(failpoints="relay.after_delete=kill")
    assert await doomed.wait() == -signal.SIGKILL
    await rig.start_relay()
    await rig.until_drained()
    await rig.assert_nothing_lost_and_in_order()
    assert await rig.duplicates() == 0


async def test_a_second_relay_takes_over_a_killed_one_s_shards(rig: Rig) -> None:
    first = await rig.start_relay()
    await rig.until_holding()
    await rig.start_relay()
    await rig.write_versions(KEYS, range(1, 4))
    await first.kill()
    await rig.write_versions(KEYS, range(4, 8))
    await rig.until_drained()
    await rig.assert_nothing_lost_and_in_order()
