"""Tries what is due: the heartbeat of a consumer's retries."""

from waypost.engine.consumer.drain import ParkedKeyProcessor
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.periodic_loop import PeriodicLoop


class RetryTimer(PeriodicLoop):
    """One consumer's, in every process that runs it: a key is worked off by whoever locks it first.

    At the deadline of a drain the running attempt is rolled back, and counted all the same.
    """

    def __init__(self, name: str, drain: ParkedKeyProcessor, policy: ConsumerPolicy) -> None:
        super().__init__(every_seconds=policy.retry_poll_seconds)
        self.name = f"{name} retries"
        self._drain = drain

    async def tick(self) -> None:
        for parked in await self._drain.due():
            if self.draining.is_set():
                return
            await self._drain.work_off(parked)
        await self._drain.tell_metrics()
