"""The slots of a worker, and the attempts that run in them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog

from waypost.jobs.claim import Claim

log = structlog.get_logger()

AttemptTask = asyncio.Task[None]
"""The task of one attempt: its handler, then the write of its outcome."""


class Slots:
    """A fixed number of slots for the handlers that run now; each holds one. An attempt leaves its
    slot before its outcome is written, but at most as many outcomes wait as there are slots.
    """

    def __init__(self, count: int, limits: Mapping[str, int], on_free: Callable[[], None]) -> None:
        self._count = count
        self._limits = limits
        """By kind of job, the number of slots that it may use."""
        self._on_free = on_free
        """Called when a slot becomes free after all were used, or all of a kind."""
        self._running = Counter[str]()
        """By kind, the number of handlers that run."""
        self._attempts: dict[AttemptTask, Claim] = {}
        self._handled: set[AttemptTask] = set()
        """Attempts whose outcome is being written."""

    @property
    def free(self) -> int:
        """The number of attempts that may start now, the lower of two limits: at most `count`
        handlers run, and at most `2 * count` attempts have no outcome yet. So a slow database stops
        the claims before outcomes pile up.
        """
        without_outcome = len(self._attempts)
        running = without_outcome - len(self._handled)
        return min(self._count - running, 2 * self._count - without_outcome)

    @property
    def capacity(self) -> Mapping[str, int]:
        """By kind, the number of jobs that may start now. Kinds without capacity are left out."""
        free = self.free
        return {name: capacity for name in self._limits if (capacity := min(self._capacity_of(name), free)) > 0}

    @property
    def claims(self) -> Sequence[Claim]:
        return list(self._attempts.values())

    def acquire(self, claim: Claim, attempt: Coroutine[Any, Any, None]) -> None:
        """Runs the attempt in a slot."""
        task = asyncio.create_task(attempt, name=claim.name)
        self._attempts[task] = claim
        self._running[claim.name] += 1
        task.add_done_callback(self._ended)

    def handled(self) -> None:
        """Releases the slot of the attempt that calls; its outcome is still to be written."""
        attempt: Any = asyncio.current_task()
        name = self._attempts[attempt].name
        was_full = self._is_full(name)
        self._handled.add(attempt)
        self._running[name] -= 1
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

    def _ended(self, attempt: AttemptTask) -> None:
        claim = self._attempts[attempt]
        was_full = self._is_full(claim.name)
        del self._attempts[attempt]
        if attempt in self._handled:
            self._handled.remove(attempt)
        else:
            self._running[claim.name] -= 1
        if not attempt.cancelled() and (error := attempt.exception()) is not None:
            # Its outcome could not be written. The lease expires, and another attempt runs the job.
            log.error("job_attempt_failed", job=claim.name, job_id=str(claim.id), exc_info=error)
        self._report_free(was_full)

    def _capacity_of(self, name: str) -> int:
        return self._limits[name] - self._running[name]

    def _is_full(self, name: str) -> bool:
        return self.free == 0 or self._capacity_of(name) <= 0

    def _report_free(self, was_full: bool) -> None:
        if was_full and self.free:
            self._on_free()
