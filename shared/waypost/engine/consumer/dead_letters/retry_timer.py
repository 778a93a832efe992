"""Retries due dead letters of a consumer."""

from waypost.engine.consumer.dead_letters.parked_key_processor import ParkedKeyProcessor
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.periodic_loop import PeriodicLoop


class RetryTimer(PeriodicLoop):
    """Retries due dead letters in every process that runs the consumer; the first to lock a key
    processes it.

    At the deadline of a drain the running attempt is rolled back. It still counts.
    """

    def __init__(self, name: str, parked_keys: ParkedKeyProcessor, policy: ConsumerPolicy) -> None:
        super().__init__(every_seconds=policy.retry_poll_seconds)
        self.name = f"{name} retries"
        self._parked_keys = parked_keys

    async def tick(self) -> None:
        for parked in await self._parked_keys.due():
            if self.draining.is_set():
                return
            await self._parked_keys.process(parked)
        await self._parked_keys.update_metrics()
