"""A storm is determined by its seed, kills every target in its time, and uses only existing
failpoints.
"""

import pytest

from services.billing.app import SERVICE
from tests.faults.storm.schedule import KILLING, PLATFORM, POINTS, TARGETS, scheduled
from waypost.engine.failpoints import arm_failpoints, failpoint
from waypost.hosting.main import load
from waypost.hosting.processes import ServiceProcess

IMPORTED = [load(process, SERVICE) for process in ServiceProcess]
"""Seeds that together use every failpoint."""
ALL_POINTS = sorted({point for points in POINTS.values() for point in points})


def test_the_same_seed_is_the_same_storm() -> None:
    assert scheduled(7, 30) == scheduled(7, 30) != scheduled(8, 30)


@pytest.mark.parametrize("seed", range(20))
def test_schedule_has_the_requested_kills_including_the_platform(seed: int) -> None:
    killed = [fault.target for fault in scheduled(seed, 9) if fault.kind in KILLING]
    assert len(killed) == 9
    assert set(PLATFORM) <= set(killed)


def test_long_storm_kills_every_target() -> None:
    assert {fault.target for fault in scheduled(1, 100) if fault.kind in KILLING} == set(TARGETS)


@pytest.mark.parametrize("point", ALL_POINTS)
def test_scheduled_failpoints_exist(point: str) -> None:
    arm_failpoints(f"{point}=raise")
    failpoint(point).disarm()


def test_every_server_of_a_cluster_is_killed() -> None:
    platform = ("kafka", "kafka-2", "kafka-3", "postgres", "postgres-standby")
    assert set(platform) <= {fault.target for fault in scheduled(3, 9, platform) if fault.kind in KILLING}
