"""Log lines of a handler that waits for another topic: information while the wait is young, an
error when it lasts.
"""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fixtures.club.stage import IMPATIENT, Stage
from waypost.kernel.envelope import Envelope
from waypost.kernel.errors import Conflict, NotYet, Unavailable, WaypostError
from waypost.testing.eventually import eventually


@pytest.mark.parametrize(
    "error", [NotYet("its customer is not here yet"), Unavailable("the provider is down", timedelta(seconds=1))]
)
async def test_a_young_wait_is_information_and_a_long_one_an_error(stage: Stage, error: WaypostError) -> None:
    ann, waiting = stage.user(), True

    def waits(envelope: Envelope[Any]) -> None:
        if waiting:
            raise error

    stage.club.trouble = waits
    await stage.topic.publish(*ann.tells("Ann"))
    with capture_logs() as logs:
        async with stage.consuming(stage.club.greetings):

            async def alarmed() -> bool:
                return any(entry["event"] == "retry_failed" for entry in logs)

            await eventually(alarmed)
            waiting = False

            async def is_handled() -> bool:
                return await stage.greeted(ann) == [[1]]

            await eventually(is_handled)
    told = [(entry["event"], entry["log_level"]) for entry in logs if "consumer" in entry]
    alarm = told.index(("retry_failed", "error"))
    outage = isinstance(error, Unavailable)  # the batch is retried first, which is a warning
    assert {level for event, level in told[:alarm] if not (outage and event == "batch_failed")} == {"info"}, told
    assert ("record_waits", "info") in told
    assert told[:alarm].count(("retry_waits", "info")) >= IMPATIENT.retry.alarm_after - 2
    assert not [event for event, _ in told if event == "record_dead_lettered"]


async def test_a_failure_that_uses_attempts_is_an_error_at_once(stage: Stage) -> None:
    ann = stage.user()

    def fails(envelope: Envelope[Any]) -> None:
        raise Conflict("a fault")

    stage.club.trouble = fails
    await stage.topic.publish(*ann.tells("Ann"))
    with capture_logs() as logs:
        async with stage.consuming(stage.club.greetings):
            await eventually(stage.parked)

            async def reported() -> bool:
                return any(entry["event"] == "record_dead_lettered" for entry in logs)

            await eventually(reported)
    levels = {entry["event"]: entry["log_level"] for entry in logs if "consumer" in entry}
    assert (levels["handler_failed"], levels["record_dead_lettered"]) == ("warning", "error")
