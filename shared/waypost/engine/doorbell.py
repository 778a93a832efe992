"""The doorbell of a process: its own listeners hear it at once, those of other processes through a
notifier.

The ring is outside every business transaction. A NOTIFY inside one takes a lock over the whole
server's commits: half the throughput with 8 writers, a tenth on storage with 2 ms commits. At most
one notification per 5 ms costs nothing that can be measured.
"""

import asyncio
import contextlib

import structlog

from waypost.engine.failpoints import failpoint
from waypost.engine.periodic_loop import PeriodicLoop
from waypost.kernel.backoff import Backoff
from waypost.ports.doorbell import Channel, Notifier

log = structlog.get_logger()

BEFORE_RING = failpoint("doorbell.before_ring")

APART_SECONDS = 0.005
IDLE_SECONDS = 60.0
PAUSES = Backoff(first_seconds=0.1, factor=2.0, most_seconds=5.0)


class LocalWakeups:
    """`waypost.ports.doorbell.Wakeups` of one process; rung by its own doorbell and by its listener
    to others'.
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


class CoalescingDoorbell(PeriodicLoop):
    """`waypost.ports.doorbell.Doorbell`; rings that come within 5 ms of each other travel as one."""

    name = "doorbell"

    def __init__(self, wakeups: LocalWakeups, notifier: Notifier) -> None:
        super().__init__(every_seconds=IDLE_SECONDS, backoff=PAUSES)
        self._wakeups = wakeups
        self._notifier = notifier
        self._rung: set[Channel] = set()

    def ring(self, channel: Channel) -> None:
        BEFORE_RING.hit()
        self._wakeups.wake(channel)
        self._rung.add(channel)
        self.wakeup.set()

    async def drain(self, deadline_seconds: float) -> None:
        """Sends what was rung last; a ring that cannot be sent is not missed for long, since
        listeners look by themselves.
        """
        await super().drain(deadline_seconds / 2)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_seconds / 2):
                await self.last_tick()

    async def stop(self) -> None:
        await super().stop()
        await self._notifier.close()

    async def tick(self) -> None:
        if self._rung:
            await self._send()
            await asyncio.sleep(APART_SECONDS)

    async def _send(self) -> None:
        """Rings that could not be sent are sent with the next ones."""
        rung, self._rung = self._rung, set()
        try:
            await self._notifier.notify(rung)
        except BaseException:
            self._rung |= rung
            raise
