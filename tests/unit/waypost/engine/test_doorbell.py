"""The doorbell's promises: heard here at once, elsewhere in few notifications, and never in
anybody's way.
"""

import asyncio
from collections.abc import AsyncIterator, Collection

import pytest

from waypost.engine.doorbell import CoalescingDoorbell, LocalWakeups
from waypost.kernel.errors import Transient
from waypost.ports.doorbell import Channel
from waypost.testing.eventually import eventually


class Line:
    """`waypost.ports.doorbell.Notifier` that may be cut."""

    def __init__(self) -> None:
        self.sent: list[set[Channel]] = []
        self.cut = False

    async def notify(self, channels: Collection[Channel]) -> None:
        await asyncio.sleep(0)
        if self.cut:
            raise Transient("the line is cut")
        self.sent.append(set(channels))

    async def close(self) -> None:
        self.cut = True


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def wakeups() -> LocalWakeups:
    return LocalWakeups()


@pytest.fixture
async def doorbell(wakeups: LocalWakeups, line: Line) -> AsyncIterator[CoalescingDoorbell]:
    doorbell = CoalescingDoorbell(wakeups, line)
    await doorbell.start()
    yield doorbell
    await doorbell.stop()


async def test_a_ring_is_heard_in_this_process_at_once(doorbell: CoalescingDoorbell, wakeups: LocalWakeups) -> None:
    relay, worker = wakeups.subscribe("outbox"), wakeups.subscribe("jobs")
    doorbell.ring("outbox")
    assert relay.is_set()
    assert not worker.is_set()


async def test_a_hundred_rings_travel_as_one_notification(doorbell: CoalescingDoorbell, line: Line) -> None:
    for _ in range(100):
        doorbell.ring("outbox")
        doorbell.ring("jobs")
    await eventually(lambda: line.sent)
    assert line.sent == [{"outbox", "jobs"}]


async def test_a_ring_after_a_notification_travels_too(doorbell: CoalescingDoorbell, line: Line) -> None:
    doorbell.ring("outbox")
    await eventually(lambda: line.sent == [{"outbox"}])
    doorbell.ring("jobs")
    await eventually(lambda: line.sent == [{"outbox"}, {"jobs"}])


async def test_a_cut_line_loses_no_ring_for_good(doorbell: CoalescingDoorbell, line: Line) -> None:
    line.cut = True
    doorbell.ring("outbox")
    await asyncio.sleep(0)
    doorbell.ring("jobs")
    line.cut = False
    await eventually(lambda: set().union(*line.sent) == {"outbox", "jobs"})


async def test_what_was_rung_last_is_sent_before_the_end(doorbell: CoalescingDoorbell, line: Line) -> None:
    doorbell.ring("outbox")
    await doorbell.drain(5)
    assert line.sent == [{"outbox"}]
