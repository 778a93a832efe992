"""The wake-up after a commit. A hint, never a promise: whoever listens also looks by itself now and
then.
"""

import asyncio
from collections.abc import Collection
from typing import Literal, Protocol

Channel = Literal["outbox", "jobs"]


class Doorbell(Protocol):
    def ring(self, channel: Channel) -> None:
        """Wakes the listeners of that channel, in this process at once and in others within
        milliseconds. Never blocks, never raises.
        """
        ...


class Wakeups(Protocol):
    def subscribe(self, channel: Channel) -> asyncio.Event:
        """An event of the caller's own, set at every ring of the channel and whenever rings may
        have been missed.

        Clear it, look, then wait: a ring that comes while you look is not lost.
        """
        ...


class Notifier(Protocol):
    """Carries rings to other processes."""

    async def notify(self, channels: Collection[Channel]) -> None:
        """Raises Transient where it cannot; the ring is then lost, and the next call tries anew."""
        ...

    async def close(self) -> None: ...


class Listener(Protocol):
    """Hears the rings of other processes."""

    async def listen(self, hearing: asyncio.Event) -> None:
        """Wakes this process at each ring, and every channel once at its begin: rings may have been
        missed. Sets `hearing` meanwhile.

        Returns never; raises Transient where the connection ends.
        """
        ...
