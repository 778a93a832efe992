"""Grants per second."""

import pytest

from waypost.telemetry.token_bucket import TokenBucket


class Seconds:
    """A clock that tests move."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def test_the_grants_of_one_second_may_be_taken_at_once(seconds: Seconds) -> None:
    limit = TokenBucket(3, clock=seconds)
    assert [limit.grant() for _ in range(5)] == [1, 1, 1, 0, 0]
    seconds.now += 0.67
    assert limit.grant(5) == 2
    seconds.now += 3600
    assert limit.grant(5) == 3


def test_a_limit_of_zero_grants_nothing(seconds: Seconds) -> None:
    limit = TokenBucket(0, clock=seconds)
    seconds.now += 3600
    assert limit.grant() == 0


def test_a_limit_below_one_is_a_grant_in_several_seconds(seconds: Seconds) -> None:
    limit = TokenBucket(0.25, clock=seconds)
    assert [limit.grant(), limit.grant()] == [1, 0]
    seconds.now += 3.9
    assert limit.grant() == 0
    seconds.now += 0.1
    assert limit.grant(2) == 1


def test_a_changed_limit_holds_at_once(seconds: Seconds) -> None:
    limit = TokenBucket(100, clock=seconds)
    limit.change(0)
    assert limit.grant() == 0
