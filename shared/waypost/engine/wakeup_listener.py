"""Receives notifications of other processes and reconnects after errors."""

from waypost.engine.periodic_loop import PeriodicLoop
from waypost.kernel.backoff import Backoff
from waypost.ports.wakeups import Listener

PAUSES = Backoff(first_seconds=0.05, factor=2.0, max_seconds=5.0)


class WakeupListener(PeriodicLoop):
    """Each tick is one connection, which lasts until an error. Ready while it is connected; a
    notification missed meanwhile costs one poll.
    """

    name = "listener"

    def __init__(self, listener: Listener) -> None:
        super().__init__(every_seconds=0.0, backoff=PAUSES)
        self._listener = listener

    async def drain(self, deadline_seconds: float) -> None:
        """Nothing to end: other processes receive the notifications too."""

    async def tick(self) -> None:
        try:
            await self._listener.listen(self.ready)
        finally:
            if self.ready.is_set():
                self.failures = 0
