"""The doorbell of a process: its own listeners hear it at once, those of other processes through a notifier.

The ring is outside every business transaction. A NOTIFY inside one takes a lock over the whole server's commits: half the
throughput with 8 writers, a tenth on storage with 2 ms commits. At most one notification per 5 ms costs nothing that can be measured.
"""

import asyncio
import contextlib

import structlog

from waypost.engine.failpoints import failpoint
from waypost.kernel.errors import Transient
from waypost.ports.doorbell import Channel, Notifier

log = structlog.get_logger()

BEFORE_RING = failpoint("doorbell.before_ring")

APART_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 5.0


class LocalWakeups:
    """`waypost.ports.doorbell.Wakeups` of one process; rung by its own doorbell and by its listener to others'."""

    def __init__(self) -> None:
        self._events: dict[Channel, list[asyncio.Event]] = {"outbox": [], "jobs": []}

    def subscribe(self, channel: Channel) -> asyncio.Event:
        event = asyncio.Event()
        self._events[channel].append(event)
        return event

    def wake(self, channel: Channel) -> None:
        for event in self._events[channel]:
            event.set()


class CoalescingDoorbell:
    """`waypost.ports.doorbell.Doorbell`; rings that come within 5 ms of each other travel as one."""

    name = "doorbell"

    def __init__(self, wakeups: LocalWakeups, notifier: Notifier) -> None:
        self.ready = asyncio.Event()
        self._wakeups = wakeups
        self._notifier = notifier
        self._rung: set[Channel] = set()
        self._wakeup = asyncio.Event()
        self._ringing: asyncio.Task[None] | None = None

    def ring(self, channel: Channel) -> None:
        BEFORE_RING.hit()
        self._wakeups.wake(channel)
        self._rung.add(channel)
        self._wakeup.set()

    async def start(self) -> None:
        self._ringing = asyncio.create_task(self._ring_on(), name=self.name)
        self.ready.set()

    async def drain(self, deadline_seconds: float) -> None:
        """Sends what was rung last; a ring that cannot be sent is not missed for long, since listeners look by themselves."""
        with contextlib.suppress(Transient, TimeoutError):
            async with asyncio.timeout(deadline_seconds):
                await self._stop_ringing()
                await self._notifier.notify(self._take())

    async def stop(self) -> None:
        self.ready.clear()
        await self._stop_ringing()
        await self._notifier.close()

    async def _ring_on(self) -> None:
        pause = APART_SECONDS
        while True:
            await self._wakeup.wait()
            rung = self._take()
            try:
                await self._notifier.notify(rung)
                pause = APART_SECONDS
            except Transient as error:
                if pause == APART_SECONDS:
                    log.warning("notify_failed", error=str(error))
                self._rung |= rung
                self._wakeup.set()
                pause = min(max(pause, 0.05) * 2, LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    def _take(self) -> set[Channel]:
        rung, self._rung = self._rung, set()
        self._wakeup.clear()
        return rung

    async def _stop_ringing(self) -> None:
        if self._ringing is not None:
            self._ringing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ringing
            self._ringing = None
