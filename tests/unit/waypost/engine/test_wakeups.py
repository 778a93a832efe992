"""Behaviour of the wake-up sender: it wakes its own process at once and others with few
notifications, outside every transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from types import SimpleNamespace

import pytest

from waypost.engine.wakeups import BURST, INTERVAL_SECONDS, CoalescingWakeupSender, LocalWakeups
from waypost.kernel.errors import Transient
from waypost.ports.wakeups import Channel
from waypost.testing.eventually import eventually


class Line:
    """`waypost.ports.wakeups.Notifier` whose connection a test can interrupt."""

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
async def wakeup_sender(wakeups: LocalWakeups, line: Line) -> AsyncIterator[CoalescingWakeupSender]:
    wakeup_sender = CoalescingWakeupSender(wakeups, line)
    await wakeup_sender.start()
    yield wakeup_sender
    await wakeup_sender.stop()


async def test_wakeup_wakes_this_process_at_once(wakeup_sender: CoalescingWakeupSender, wakeups: LocalWakeups) -> None:
    relay, worker = wakeups.subscribe("outbox"), wakeups.subscribe("jobs")
    wakeup_sender.send("outbox")
    assert relay.is_set()
    assert not worker.is_set()


async def test_hundred_wakeups_are_one_notification(wakeup_sender: CoalescingWakeupSender, line: Line) -> None:
    for _ in range(100):
        wakeup_sender.send("outbox")
        wakeup_sender.send("jobs")
    await eventually(lambda: line.sent)
    assert line.sent == [{"outbox", "jobs"}]


async def test_wakeup_after_a_notification_is_sent(wakeup_sender: CoalescingWakeupSender, line: Line) -> None:
    wakeup_sender.send("outbox")
    await eventually(lambda: line.sent == [{"outbox"}])
    wakeup_sender.send("jobs")
    await eventually(lambda: line.sent == [{"outbox"}, {"jobs"}])


async def test_wakeup_is_sent_after_a_lost_connection(wakeup_sender: CoalescingWakeupSender, line: Line) -> None:
    line.cut = True
    wakeup_sender.send("outbox")
    await asyncio.sleep(0)
    wakeup_sender.send("jobs")
    line.cut = False
    await eventually(lambda: set().union(*line.sent) == {"outbox", "jobs"})


async def test_drain_sends_the_last_wakeup(wakeup_sender: CoalescingWakeupSender, line: Line) -> None:
    wakeup_sender.send("outbox")
    await wakeup_sender.drain(5)
    assert line.sent == [{"outbox"}]


def test_only_a_burst_of_notifications_has_no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.engine.wakeups.time", SimpleNamespace(monotonic=lambda: 100.0))
    wakeup_sender = CoalescingWakeupSender(LocalWakeups(), Line())
    pauses = [wakeup_sender._pause() for _ in range(BURST + 2)]
    assert pauses == pytest.approx([0.0] * BURST + [INTERVAL_SECONDS, 2 * INTERVAL_SECONDS])
