"""An idle consumer's fetches wait longer; each sign of activity makes them short again."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer import consumer
from aiokafka.consumer.fetcher import Fetcher

from waypost.kafka import patient_fetcher
from waypost.kafka.patient_fetcher import (
    IDLE_SECONDS,
    PATIENT_MILLISECONDS,
    SHARE_OF_AGE,
    SHORTEST_MILLISECONDS,
    PatientFetcher,
)

CONFIGURED = 500
CONFIGURED_SECONDS = 0.2


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(patient_fetcher, "time", clock)
    return clock


@pytest.fixture
def fetcher() -> Any:
    """Without the tasks that a fetcher starts."""
    fetcher = PatientFetcher.__new__(PatientFetcher)
    fetcher._fetch_max_wait_ms = CONFIGURED
    fetcher._fetcher_timeout = CONFIGURED_SECONDS
    fetcher._records = {}
    fetcher._subscriptions = SimpleNamespace(subscription=SimpleNamespace(assignment=object()))
    return fetcher


def test_consumers_use_it() -> None:
    assert consumer.Fetcher is PatientFetcher


def test_a_fetch_waits_longer_after_an_idle_time(fetcher: Any, clock: Clock) -> None:
    assert fetcher._fetch_max_wait_ms == CONFIGURED
    clock.now += IDLE_SECONDS
    assert fetcher._fetch_max_wait_ms == PATIENT_MILLISECONDS


def test_partitions_are_examined_as_rarely_as_they_are_fetched(fetcher: Any, clock: Clock) -> None:
    assert fetcher._fetcher_timeout == CONFIGURED_SECONDS
    clock.now += IDLE_SECONDS
    assert fetcher._fetcher_timeout * 1000 == PATIENT_MILLISECONDS
    fetcher._subscriptions.subscription.assignment = object()
    assert fetcher._fetcher_timeout == CONFIGURED_SECONDS


def test_records_and_an_assignment_end_the_patience(fetcher: Any, clock: Clock) -> None:
    fetcher._fetch_max_wait_ms  # noqa: B018 - notices the first assignment
    clock.now += IDLE_SECONDS
    fetcher._records = {"partition": fetched_at(clock)}
    assert fetcher._fetch_max_wait_ms < CONFIGURED
    assert fetcher._fetcher_timeout == CONFIGURED_SECONDS
    fetcher._records = {}
    assert fetcher._fetch_max_wait_ms == CONFIGURED
    clock.now += IDLE_SECONDS
    assert fetcher._fetch_max_wait_ms == PATIENT_MILLISECONDS
    fetcher._subscriptions.subscription.assignment = object()
    assert fetcher._fetch_max_wait_ms == CONFIGURED


def test_a_fetch_beside_fetched_records_waits_for_a_small_share_of_their_age(fetcher: Any, clock: Clock) -> None:
    """The partitions of these records are fetched only after its answer."""
    fetcher._records = {"slow": fetched_at(clock)}
    assert fetcher._fetch_max_wait_ms == SHORTEST_MILLISECONDS
    clock.now += 1
    assert fetcher._fetch_max_wait_ms == 1000 * SHARE_OF_AGE
    fetcher._records["quick"] = fetched_at(clock)
    assert fetcher._fetch_max_wait_ms == SHORTEST_MILLISECONDS
    clock.now += 3600
    assert fetcher._fetch_max_wait_ms == CONFIGURED


def fetched_at(clock: Clock) -> Any:
    """Records that are not consumed yet."""
    return SimpleNamespace(_created=clock.now)


async def test_records_that_are_consumed_at_once_end_the_patience(
    fetcher: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka begins no fetch while records wait for the consumer, and the next one after them."""

    async def with_records(*_: Any) -> bool:
        return True

    monkeypatch.setattr(Fetcher, "_proc_fetch_request", with_records)
    fetcher._fetch_max_wait_ms  # noqa: B018 - notices the first assignment
    clock.now += IDLE_SECONDS
    assert await fetcher._proc_fetch_request(None, 1, None)
    assert fetcher._fetch_max_wait_ms == CONFIGURED
