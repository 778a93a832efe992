"""Slots for the attempts that run now."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any
from uuid import UUID

import structlog

from waypost.jobs.claim import Claim

log = structlog.get_logger()


class Slots:
    """A fixed number of slots; each holds one attempt."""

    def __init__(self, count: int, on_free: Callable[[], None]) -> None:
        self._count = count
        self._on_free = on_free
        """Called when a slot becomes free after all were used."""
        self._running: dict[UUID, tuple[Claim, asyncio.Task[None]]] = {}

    @property
    def free(self) -> int:
        return self._count - len(self._running)

    @property
    def claims(self) -> Sequence[Claim]:
        return [claim for claim, _ in self._running.values()]

    def acquire(self, claim: Claim, attempt: Coroutine[Any, Any, None]) -> None:
        """Runs the attempt in a slot, and releases the slot at its end."""
        task = asyncio.create_task(attempt, name=f"{claim.name} {claim.id}")
        self._running[claim.lease] = claim, task
        task.add_done_callback(lambda ended: self.release(claim, ended))

    def release(self, claim: Claim, ended: "asyncio.Task[None]") -> None:
        if not ended.cancelled() and (error := ended.exception()) is not None:
            # Its outcome could not be written. The lease expires, and another attempt runs the job.
            log.error("job_attempt_failed", job=claim.name, job_id=str(claim.id), exc_info=error)
        was_full = self.free == 0
        del self._running[claim.lease]
        if was_full:
            self._on_free()

    def cancel(self, leases: Collection[UUID]) -> None:
        for lease in leases:
            if lease in self._running:
                self._running[lease][1].cancel()

    async def drain(self, deadline_seconds: float) -> Sequence[Claim]:
        """Waits for the attempts; cancels the ones that do not end by the deadline, and returns
        their claims.
        """
        tasks = [task for _, task in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=deadline_seconds)
        unfinished = self.claims
        self.cancel([claim.lease for claim in unfinished])
        await asyncio.gather(*tasks, return_exceptions=True)
        return unfinished
