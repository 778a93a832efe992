"""Behaviour of the doorbell: it wakes its own process at once and others with few notifications,
outside every transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Collection

import pytest

from waypost.engine.doorbell import CoalescingDoorbell, LocalWakeups
from waypost.kernel.errors import Transient
from waypost.ports.doorbell import Channel
from waypost.testing.eventually import eventually


class Line:
    """`waypost.ports.doorbell.Notifier` whose connection a test can interrupt."""

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


async def test_ring_wakes_this_process_at_once(doorbell: CoalescingDoorbell, wakeups: LocalWakeups) -> None:
    relay, worker = wakeups.subscribe("outbox"), wakeups.subscribe("jobs")
    doorbell.ring("outbox")
    assert relay.is_set()
    assert not worker.is_set()


async def test_hundred_rings_are_one_notification(doorbell: CoalescingDoorbell, line: Line) -> None:
    for _ in range(100):
        doorbell.ring("outbox")
        doorbell.ring("jobs")
    await eventually(lambda: line.sent)
    assert line.sent == [{"outbox", "jobs"}]


async def test_ring_after_a_notification_is_sent(doorbell: CoalescingDoorbell, line: Line) -> None:
    doorbell.ring("outbox")
    await eventually(lambda: line.sent == [{"outbox"}])
    doorbell.ring("jobs")
    await eventually(lambda: line.sent == [{"outbox"}, {"jobs"}])


async def test_ring_is_sent_after_a_lost_connection(doorbell: CoalescingDoorbell, line: Line) -> None:
    line.cut = True
    doorbell.ring("outbox")
    await asyncio.sleep(0)
    doorbell.ring("jobs")
    line.cut = False
    await eventually(lambda: set().union(*line.sent) == {"outbox", "jobs"})


async def test_drain_sends_the_last_ring(doorbell: CoalescingDoorbell, line: Line) -> None:
    doorbell.ring("outbox")
    await doorbell.drain(5)
    assert line.sent == [{"outbox"}]
