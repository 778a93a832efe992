"""The wake-up after a commit. A hint, never a promise: whoever listens also looks by itself now and then."""

from typing import Literal, Protocol

Channel = Literal["outbox", "jobs"]


class Doorbell(Protocol):
    def ring(self, channel: Channel) -> None:
        """Wakes the listeners of that channel, in this process at once and in others within milliseconds. Never blocks, never raises."""
        ...
