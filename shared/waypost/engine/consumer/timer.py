"""Tries what is due: the heartbeat of a consumer's retries."""

import asyncio
import contextlib

import structlog

from waypost.engine.consumer.drain import ParkedKeyProcessor
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.kernel.errors import Transient

log = structlog.get_logger()


class RetryTimer:
    """One consumer's, in every process that runs it: a key is worked off by whoever locks it first."""

    def __init__(self, name: str, drain: ParkedKeyProcessor, policy: ConsumerPolicy) -> None:
        self._name = name
        self._drain = drain
        self._policy = policy
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"{self._name} retries")

    async def drain(self, deadline_seconds: float) -> None:
        """The running attempt may end by the deadline; then it is rolled back, and counted all the same."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=deadline_seconds)

    async def stop(self) -> None:
        self._stopping.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._work_off_what_is_due()
                await self._drain.tell_metrics()
            except Transient as error:
                log.warning("retries_delayed", consumer=self._name, error=str(error))
            except Exception:
                log.exception("retries_failed", consumer=self._name)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._policy.retry_poll_seconds)

    async def _work_off_what_is_due(self) -> None:
        for parked in await self._drain.due():
            if self._stopping.is_set():
                return
            await self._drain.work_off(parked)
