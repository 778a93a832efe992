"""The wake-ups of a process reach its own listeners at once, and those of other processes through a
notifier.

The notification is outside every business transaction. A NOTIFY inside one takes a lock over all
commits of the server: half the throughput with 8 writers, a tenth on storage with 2 ms commits. A
few hundred notifications per second outside of it have no measurable cost.
"""

import asyncio
import contextlib
import time

import structlog

from waypost.engine.failpoints import failpoint
from waypost.engine.periodic_loop import PeriodicLoop
from waypost.kernel.backoff import Backoff
from waypost.ports.wakeups import Channel, Listener, Notifier

log = structlog.get_logger()

BEFORE_SEND = failpoint("wakeups.before_send")

INTERVAL_SECONDS = 0.004
"""Interval of notifications when there is always a wake-up to send."""
BURST = 8
"""Notifications that may follow each other without a pause after an idle time. With 200 random
commits per second 2 of 100 wait for an interval; without bursts 73 did.
"""
IDLE_SECONDS = 60.0
RECONNECT_PAUSES = Backoff(first_seconds=0.05, factor=2.0, max_seconds=5.0)


class LocalWakeups:
    """`waypost.ports.wakeups.Wakeups` of one process; set by its own sender, and by its listener
    for other processes.
    """

    def __init__(self) -> None:
        self._events: dict[Channel, list[asyncio.Event]] = {"outbox": [], "jobs": []}

    def subscribe(self, channel: Channel) -> asyncio.Event:
        event = asyncio.Event()
        self._events[channel].append(event)
        return event

    def wake(self, channel: Channel) -> None:
        for event in self._events[channel]:
            event.set()


class CoalescingWakeupSender(PeriodicLoop):
    """`waypost.ports.wakeups.WakeupSender`; sends the wake-ups of an interval as one notification
    when they are frequent.
    """

    name = "wakeup_sender"

    def __init__(self, wakeups: LocalWakeups, notifier: Notifier) -> None:
        super().__init__(every_seconds=IDLE_SECONDS)
        self._wakeups = wakeups
        self._notifier = notifier
        self._pending: set[Channel] = set()
        self._next_due = 0.0

    def send(self, channel: Channel) -> None:
        BEFORE_SEND.hit()
        self._wakeups.wake(channel)
        self._pending.add(channel)
        self.wakeup.set()

    async def drain(self, deadline_seconds: float) -> None:
        """Sends the pending wake-ups. A wake-up that cannot be sent delays listeners by one poll at
        most.
        """
        await super().drain(deadline_seconds / 2)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_seconds / 2):
                await self.last_tick()

    async def stop(self) -> None:
        await super().stop()
        await self._notifier.close()

    async def tick(self) -> None:
        if self._pending:
            await self._notify()
            await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        """The pause after a notification: up to a burst may be ahead of its interval."""
        now = time.monotonic()
        self._next_due = max(self._next_due, now - BURST * INTERVAL_SECONDS) + INTERVAL_SECONDS
        return max(self._next_due - now, 0.0)

    async def _notify(self) -> None:
        """Sends the pending wake-ups; after an error they are sent with the next ones."""
        pending, self._pending = self._pending, set()
        try:
            await self._notifier.notify(pending)
        except BaseException:
            self._pending |= pending
            raise


class WakeupListener(PeriodicLoop):
    """Receives the wake-ups of other processes. Each tick is one connection, which lasts until an
    error. Ready while it is connected; a notification missed meanwhile costs one poll.
    """

    name = "listener"

    def __init__(self, listener: Listener) -> None:
        super().__init__(every_seconds=0.0, backoff=RECONNECT_PAUSES)
        self._listener = listener

    async def drain(self, deadline_seconds: float) -> None:
        """Nothing to end: other processes receive the notifications too."""

    async def tick(self) -> None:
        try:
            await self._listener.listen(self.ready)
        finally:
            if self.ready.is_set():
                self.failures = 0
