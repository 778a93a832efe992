"""A storm is determined by its seed, kills every target in its time, has every kind of fault, and
uses only failpoints, links, read models and topics that exist.
"""

import pytest

from services.billing.app import SERVICE
from tests.faults.storm.schedule import KILLING, KILLS_PER_LOST_TOPIC, Fault, Kind, scheduled
from tests.faults.storm.targets import LINKS, LOST_TOPIC, PLATFORM, POINTS, PROCESSES, READ_MODELS, TARGETS
from waypost.cli.projections import find
from waypost.engine.failpoints import arm_failpoints, failpoint
from waypost.hosting.main import load
from waypost.hosting.processes import ServiceProcess
from waypost.schemas.topics import declared_topics

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


CLUSTER = ("kafka", "kafka-2", "kafka-3", "postgres", "postgres-standby")


def faults_of(kind: Kind) -> list[Fault]:
    return [fault for seed in range(60) for fault in scheduled(seed, 40, CLUSTER) if fault.kind is kind]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_fault_is_scheduled(kind: Kind) -> None:
    assert faults_of(kind)


def test_a_cut_is_of_a_link_and_some_last_a_minute() -> None:
    cuts = faults_of(Kind.CUT)
    assert {fault.target for fault in cuts} == set(LINKS)
    assert {fault.point for fault in cuts} == {
        *("kafka", "kafka-2", "kafka-3", "postgres", "users-api", "billing-api", "payments", "smtp")
    }
    assert {fault.forgets for fault in cuts} == {True, False}
    assert min(fault.hold_seconds for fault in cuts) >= 1
    assert max(fault.hold_seconds for fault in cuts) > 60


def test_a_slow_disk_is_the_database_s() -> None:
    assert {fault.target for fault in faults_of(Kind.SLOW_DISK)} == {"postgres"}
    assert all(fault.hold_seconds >= 5 for fault in faults_of(Kind.SLOW_DISK))


def test_clocks_of_every_process_jump_forward_and_back() -> None:
    jumps = faults_of(Kind.CLOCK)
    assert {fault.target for fault in jumps} == set(PROCESSES)
    assert {fault.jump_seconds > 0 for fault in jumps} == {True, False}
    assert all(60 <= abs(fault.jump_seconds) <= 7200 and fault.hold_seconds >= 5 for fault in jumps)


def test_every_server_is_frozen_for_a_while() -> None:
    frozen = faults_of(Kind.FREEZE)
    assert set(CLUSTER) <= {fault.target for fault in frozen}
    assert all(fault.hold_seconds >= 0.5 for fault in frozen)


def test_rebuilds_are_of_every_read_model_and_some_are_killed() -> None:
    rebuilds = faults_of(Kind.REBUILD)
    assert {fault.point for fault in rebuilds} == {name for names in READ_MODELS.values() for name in names}
    assert {fault.hold_seconds > 0 for fault in rebuilds} == {True, False}


@pytest.mark.parametrize("name", [name for names in READ_MODELS.values() for name in names])
def test_read_models_exist(name: str) -> None:
    find(name)


def test_a_topic_is_lost_once_per_twenty_kills() -> None:
    assert LOST_TOPIC in {topic.name for topic in declared_topics()}
    for kills in (KILLS_PER_LOST_TOPIC - 1, KILLS_PER_LOST_TOPIC, 3 * KILLS_PER_LOST_TOPIC):
        lost = [fault for fault in scheduled(5, kills) if fault.kind is Kind.TOPIC_LOST]
        assert len(lost) == kills // KILLS_PER_LOST_TOPIC


def test_faults_are_numbered_in_their_order() -> None:
    faults = scheduled(9, 60)
    assert [fault.number for fault in faults] == list(range(1, len(faults) + 1))
