"""Wake-ups in one process, for tests without PostgreSQL's notifications."""

import asyncio
from collections import defaultdict

from waypost.ports.wakeups import Channel


class MemoryWakeups:
    """`waypost.ports.wakeups.WakeupSender` and `Wakeups`: a wake-up sets the events of its
    channel's subscribers.
    """

    def __init__(self) -> None:
        self.sent: list[Channel] = []
        """The channel of each wake-up, in the order of sending."""
        self._events: defaultdict[Channel, list[asyncio.Event]] = defaultdict(list)

    def send(self, channel: Channel) -> None:
        self.sent.append(channel)
        for event in self._events[channel]:
            event.set()

    def subscribe(self, channel: Channel) -> asyncio.Event:
        event = asyncio.Event()
        self._events[channel].append(event)
        return event
