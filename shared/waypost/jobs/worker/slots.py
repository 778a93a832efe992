"""The slots of a worker, and the attempts that run in them."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any
from uuid import UUID

import structlog

from waypost.jobs.claim import Claim

log = structlog.get_logger()

Attempt = asyncio.Task[None]


class Slots:
    """A fixed number of slots for the handlers that run now; each holds one. An attempt leaves its
    slot before its outcome is written, but at most as many outcomes wait as there are slots.
    """

    def __init__(self, count: int, on_free: Callable[[], None]) -> None:
        self._count = count
        self._on_free = on_free
        """Called when a slot becomes free after all were used."""
        self._attempts: dict[Attempt, Claim] = {}
        self._handled: set[Attempt | None] = set()
        """Attempts whose outcome is being written."""

    @property
    def free(self) -> int:
        unsettled = len(self._attempts)
        return min(self._count - unsettled + len(self._handled), 2 * self._count - unsettled)

    @property
    def claims(self) -> Sequence[Claim]:
        return list(self._attempts.values())

    def acquire(self, claim: Claim, attempt: Coroutine[Any, Any, None]) -> None:
        """Runs the attempt in a slot."""
        task = asyncio.create_task(attempt, name=claim.name)
        self._attempts[task] = claim
        task.add_done_callback(self._ended)

    def handled(self) -> None:
        """Releases the slot of the attempt that calls; its outcome is still to be written."""
        was_full = self.free == 0
        self._handled.add(asyncio.current_task())
        self._report_free(was_full)

    def cancel(self, leases: Collection[UUID]) -> None:
        for attempt, claim in self._attempts.items():
            if claim.lease in leases:
                attempt.cancel()

    async def drain(self, deadline_seconds: float) -> Sequence[Claim]:
        """Waits for the attempts; cancels the ones that do not end by the deadline, and returns
        their claims.
        """
        attempts = list(self._attempts)
        if attempts:
            await asyncio.wait(attempts, timeout=deadline_seconds)
        unfinished = self.claims
        self.cancel({claim.lease for claim in unfinished})
        await asyncio.gather(*attempts, return_exceptions=True)
        return unfinished

    def _ended(self, attempt: Attempt) -> None:
        was_full = self.free == 0
        claim = self._attempts.pop(attempt)
        self._handled.discard(attempt)
        if not attempt.cancelled() and (error := attempt.exception()) is not None:
            # Its outcome could not be written. The lease expires, and another attempt runs the job.
            log.error("job_attempt_failed", job=claim.name, job_id=str(claim.id), exc_info=error)
        self._report_free(was_full)

    def _report_free(self, was_full: bool) -> None:
        if was_full and self.free:
            self._on_free()
