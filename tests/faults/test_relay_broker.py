"""The broker is killed, or freezes, while rows keep arriving (fault matrix 6, 18 and 19)."""

import asyncio
import signal

from tests.faults.relay_rig import Rig
from waypost.testing.eventually import eventually
from waypost.testing.kafka import Broker

BACK_SECONDS = 10
"""Seconds since the broker answers again; an unattended producer takes 17 s from the kill."""
KEYS = [f"00000000-0000-7000-8000-{number:012}" for number in range(12)]


async def test_a_broker_that_is_killed_and_restarted_under_load(rig_on_own_kafka: Rig, own_kafka: Broker) -> None:
    rig = rig_on_own_kafka
    await rig.start_relay()
    await rig.write_versions(KEYS, range(1, 5))
    await rig.until_drained()
    await rig.write_versions(KEYS, range(5, 10))
    await own_kafka.kill()
    await rig.write_versions(KEYS, range(10, 20))
    await asyncio.gather(own_kafka.start(), rig.write_versions(KEYS, range(20, 40)))
    await rig.until_drained(deadline_seconds=BACK_SECONDS)
    await rig.assert_nothing_lost_and_in_order()


async def test_a_broker_that_freezes_until_the_relay_gives_up(rig_on_own_kafka: Rig, own_kafka: Broker) -> None:
    rig = rig_on_own_kafka
    relay = await rig.start_relay()
    await rig.write_versions(KEYS, range(1, 10))
    await rig.until_drained()
    own_kafka.pause()
    await rig.write_versions(KEYS, range(10, 20))
    await eventually(lambda: "relay_interrupted" in relay.log.read_text(), deadline_seconds=20)
    await rig.write_versions(KEYS, range(20, 30))
    own_kafka.resume()
    await rig.until_drained()
    await rig.assert_nothing_lost_and_in_order()


async def test_a_relay_killed_between_send_and_acknowledgement(rig_on_own_kafka: Rig, own_kafka: Broker) -> None:
    rig = rig_on_own_kafka
    doomed = await rig.start_relay()
    await rig.write_versions(KEYS, range(1, 10))
    await rig.until_drained()
    own_kafka.pause()
    await rig.write_versions(KEYS, range(10, 20))
    doomed.send(signal.SIGKILL)
    await doomed.wait()
    own_kafka.resume()
    await rig.write_versions(KEYS, range(20, 30))
    await rig.start_relay()
    await rig.until_drained()
    await rig.assert_nothing_lost_and_in_order()
