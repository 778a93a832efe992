"""The wake-up after a commit. A hint, never a guarantee: listeners also poll."""

import asyncio
from collections.abc import Collection
from typing import Literal, Protocol

Channel = Literal["outbox", "jobs"]


class WakeupSender(Protocol):
    """Announces new work after a commit."""

    def send(self, channel: Channel) -> None:
        """Wakes the listeners of a channel, in this process at once, in others within milliseconds.
        Never blocks, never raises.
        """
        ...


class Wakeups(Protocol):
    """Subscriptions of this process."""

    def subscribe(self, channel: Channel) -> asyncio.Event:
        """A new event for the caller, set at every wake-up of the channel and whenever wake-ups may
        have been missed.

        Clear it, look for work, then wait: a wake-up during the look is not lost.
        """
        ...


class Notifier(Protocol):
    """Sends wake-ups to other processes."""

    async def notify(self, channels: Collection[Channel]) -> None:
        """Sends one wake-up per channel. Raises Transient on failure; the wake-up is lost, and the
        next call reconnects.
        """
        ...

    async def close(self) -> None: ...


class Listener(Protocol):
    """Receives wake-ups of other processes."""

    async def listen(self, connected: asyncio.Event) -> None:
        """Wakes this process at each wake-up, and every channel once after connecting, because
        wake-ups may have been missed. `connected` is set meanwhile.

        Never returns; raises Transient when the connection ends.
        """
        ...
