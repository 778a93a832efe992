"""Failpoints do nothing until they are named; a misspelt name is an error."""

import pytest

from waypost.engine.failpoints import Failpoint, FailpointReached, arm_failpoints, failpoint
from waypost.kernel.errors import Misconfigured


@pytest.fixture
def point() -> Failpoint:
    point = failpoint("tests.point")
    point.disarm()
    return point


def test_unarmed_point_does_nothing(point: Failpoint) -> None:
    arm_failpoints("")
    point.hit()


def test_armed_point_acts_once(point: Failpoint) -> None:
    arm_failpoints(" tests.point=raise ")
    with pytest.raises(FailpointReached):
        point.hit()
    point.hit()


def test_unknown_point_is_refused_with_the_known_names(point: Failpoint) -> None:
    with pytest.raises(Misconfigured, match=point.name):
        arm_failpoints("tests.pint=kill")


def test_unknown_action_is_refused(point: Failpoint) -> None:
    with pytest.raises(Misconfigured, match="kill, stop, raise"):
        arm_failpoints(f"{point.name}=explode")
