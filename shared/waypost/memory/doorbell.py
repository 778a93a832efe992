"""The doorbell of one process, for tests without PostgreSQL's notifications."""

import asyncio
from collections import defaultdict

from waypost.ports.doorbell import Channel


class MemoryDoorbell:
    """`waypost.ports.doorbell.Doorbell` and `Wakeups`: a ring sets the events of its channel's
    subscribers.
    """

    def __init__(self) -> None:
        self.rings: list[Channel] = []
        """The channel of each ring, in order."""
        self._events: defaultdict[Channel, list[asyncio.Event]] = defaultdict(list)

    def ring(self, channel: Channel) -> None:
        self.rings.append(channel)
        for event in self._events[channel]:
            event.set()

    def subscribe(self, channel: Channel) -> asyncio.Event:
        event = asyncio.Event()
        self._events[channel].append(event)
        return event
