import logging
from collections.abc import Callable

import pytest

from waypost.telemetry.repeat_filter import PERIOD_SECONDS, RepeatFilter

Say = Callable[..., list[str]]


class Watch:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def passed(watch: Watch) -> Say:
    repeats = RepeatFilter("aiokafka", watch)

    def say(message: str, *values: object, logger: str = "aiokafka.conn") -> list[str]:
        record = logging.LogRecord(logger, logging.ERROR, __file__, 1, message, values, None)
        return [record.getMessage()] if repeats.filter(record) else []

    return say


def test_a_message_is_logged_once_per_period_with_the_number_of_omitted_ones(passed: Say, watch: Watch) -> None:
    assert passed("no connection to %s", 1) == ["no connection to 1"]
    assert [passed("no connection to %s", node) for node in (1, 2, 3)] == [[], [], []]
    watch.now = PERIOD_SECONDS
    assert passed("no connection to %s", 4) == ["no connection to 4 (3 more like this since the last)"]
    watch.now += PERIOD_SECONDS
    assert passed("no connection to %s", 5) == ["no connection to 5"]


def test_other_messages_and_other_loggers_are_not_held_back(passed: Say) -> None:
    assert passed("no connection") and passed("no metadata")
    assert passed("no connection", logger="waypost.engine") and passed("no connection", logger="waypost.engine")
    assert passed("no connection", logger="aiokafkaesque")
