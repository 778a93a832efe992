"""The wake-up after a commit. A hint, never a guarantee: listeners also poll."""

import asyncio
from collections.abc import Collection
from typing import Literal, Protocol

Channel = Literal["outbox", "jobs"]


class Doorbell(Protocol):
    """Announces new work after a commit."""

    def ring(self, channel: Channel) -> None:
        """Wakes the listeners of a channel, in this process at once, in others within milliseconds.
        Never blocks, never raises.
        """
        ...


class Wakeups(Protocol):
    """Subscriptions of this process."""

    def subscribe(self, channel: Channel) -> asyncio.Event:
        """A new event for the caller, set at every ring of the channel and whenever rings may have
        been missed.

        Clear it, look for work, then wait: a ring during the look is not lost.
        """
        ...


class Notifier(Protocol):
    """Sends rings to other processes."""

    async def notify(self, channels: Collection[Channel]) -> None:
        """Sends one ring per channel. Raises Transient on failure; the ring is lost, and the next
        call reconnects.
        """
        ...

    async def close(self) -> None: ...


class Listener(Protocol):
    """Receives rings of other processes."""

    async def listen(self, connected: asyncio.Event) -> None:
        """Wakes this process at each ring, and every channel once after connecting, because rings
        may have been missed. `connected` is set meanwhile.

        Never returns; raises Transient when the connection ends.
        """
        ...
