"""The slots of a worker, and the attempts that run in them."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any
from uuid import UUID

import structlog

from waypost.jobs.claim import Claim

log = structlog.get_logger()


class Slots:
    """A fixed number of slots for the handlers that run now; each holds one. An attempt leaves its
    slot before its outcome is written, but at most as many outcomes wait as there are slots.
    """

    def __init__(self, count: int, on_free: Callable[[], None]) -> None:
        self._count = count
        self._on_free = on_free
        """Called when a slot becomes free after all were used."""
        self._attempts: dict[UUID, tuple[Claim, asyncio.Task[None]]] = {}
        self._handled: set[UUID] = set()
        """Leases of attempts whose outcome is being written."""

    @property
    def free(self) -> int:
        running = len(self._attempts) - len(self._handled)
        return min(self._count - running, 2 * self._count - len(self._attempts))

    @property
    def claims(self) -> Sequence[Claim]:
        return [claim for claim, _ in self._attempts.values()]

    def acquire(self, claim: Claim, attempt: Coroutine[Any, Any, None]) -> None:
        """Runs the attempt in a slot."""
        task = asyncio.create_task(attempt, name=claim.name)
        self._attempts[claim.lease] = claim, task
        task.add_done_callback(lambda ended: self._ended(claim, ended))

    def handled(self, claim: Claim) -> None:
        """Releases the slot; the outcome is still to be written."""
        was_full = self.free == 0
        self._handled.add(claim.lease)
        self._tell_of_free(was_full)

    def _ended(self, claim: Claim, ended: "asyncio.Task[None]") -> None:
        if not ended.cancelled() and (error := ended.exception()) is not None:
            # Its outcome could not be written. The lease expires, and another attempt runs the job.
            log.error("job_attempt_failed", job=claim.name, job_id=str(claim.id), exc_info=error)
        was_full = self.free == 0
        del self._attempts[claim.lease]
        self._handled.discard(claim.lease)
        self._tell_of_free(was_full)

    def _tell_of_free(self, was_full: bool) -> None:
        if was_full and self.free:
            self._on_free()

    def cancel(self, leases: Collection[UUID]) -> None:
        for lease in leases:
            if lease in self._attempts:
                self._attempts[lease][1].cancel()

    async def drain(self, deadline_seconds: float) -> Sequence[Claim]:
        """Waits for the attempts; cancels the ones that do not end by the deadline, and returns
        their claims.
        """
        tasks = [task for _, task in self._attempts.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=deadline_seconds)
        unfinished = self.claims
        self.cancel([claim.lease for claim in unfinished])
        await asyncio.gather(*tasks, return_exceptions=True)
        return unfinished
