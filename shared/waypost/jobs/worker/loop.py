"""Runs jobs: claims due ones for free slots."""

import asyncio
import os
import random
import socket
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from waypost.engine.failpoints import failpoint
from waypost.engine.periodic_loop import FunctionLoop, PeriodicLoop
from waypost.engine.process import Independent
from waypost.jobs.declaration import JobRegistry
from waypost.jobs.worker.attempt import AttemptRunner
from waypost.jobs.worker.completions import Completions
from waypost.jobs.worker.job_counts import JobCounts
from waypost.jobs.worker.lease_keeper import LeaseKeeper
from waypost.jobs.worker.leases import Leases
from waypost.jobs.worker.outcomes import Outcomes
from waypost.jobs.worker.session import WorkerSession
from waypost.jobs.worker.slots import Slots
from waypost.kernel.clock import Clock
from waypost.kernel.errors import Transient
from waypost.ports.unit_of_work import UnitsOfWork
from waypost.postgres.database import Database

R = TypeVar("R")

AFTER_CLAIM = failpoint("jobs.after_claim")

CLAIMED_AT_ONCE = 10
"""A claim takes at most this many jobs, or jobs for half of the slots if that is more. The server
executes the next claim while the handlers of the last one run.
"""
IDLE_POLLS = 5
"""Limit of the pause between polls that find nothing, in pauses of a busy worker."""
LAST_CLAIM_SECONDS = 2.0
"""Minimum time for a running claim when the worker stops, however near the deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWorkerSettings:
    max_jobs: int = 10
    """Maximum of jobs that run at the same time."""
    lease_seconds: float = 30.0
    """A dead worker's jobs are claimed by others after this time, plus up to a third."""
    poll_seconds: float = 1.0
    """Maximum time between polls; a wake-up usually reaches the worker within milliseconds."""


DEFAULTS = JobWorkerSettings()


class JobWorker(Independent, Generic[R]):
    """Runs the jobs of one process; a `waypost.engine.process.Lifecycle`.

    `wakeup` is set when a job was enqueued: the event of a subscription to the channel "jobs".
    `resources` are opened once at the start, shared by all jobs, and closed once at the end.
    """

    name = "jobs"

    def __init__(
        self,
        database: Database,
        units: UnitsOfWork,
        registry: JobRegistry,
        *,
        clock: Clock,
        wakeup: asyncio.Event,
        resources: Callable[[], AbstractAsyncContextManager[R]],
        settings: JobWorkerSettings = DEFAULTS,
    ) -> None:
        self.ready = asyncio.Event()
        self._database = database
        self._units = units
        self._registry = registry
        self._clock = clock
        self._resources = resources
        self._settings = settings
        self._pause = settings.poll_seconds
        self._largest_claim = max(settings.max_jobs // 2, CLAIMED_AT_ONCE)
        identity = f"{socket.gethostname()}:{os.getpid()}"
        self._session = WorkerSession(database.dsn)
        self._leases = Leases(self._session, worker=identity, seconds=settings.lease_seconds)
        self._completions = Completions(database)
        self._outcomes = Outcomes(database, self._completions)
        self._wakeup = wakeup
        limits = {job.name: job.max_at_once or settings.max_jobs for job in registry}
        self._slots = Slots(settings.max_jobs, limits, on_free=wakeup.set)
        self._promoted_at = float("-inf")
        self._opened = AsyncExitStack()
        self._claims: PeriodicLoop | None = None
        self._lease_keeper = LeaseKeeper(
            self._leases, self._slots, on_failure=self.ready.clear, on_recovery=self._claim_again
        )
        self._writer = FunctionLoop(
            self._completions.write_waiting,
            name="job completions",
            every_seconds=settings.lease_seconds,
            wakeup=self._completions.wakeup,
        )
        self._counts = JobCounts(database, every_seconds=settings.lease_seconds / 3)

    async def start(self) -> None:
        """Starts. Raises Misconfigured if the same pool serves requests."""
        self._database.reserve("jobs")
        resources = await self._opened.enter_async_context(self._resources())
        runner = AttemptRunner(self._units, self._outcomes, self._clock, resources)
        self._claims = FunctionLoop(
            partial(self._poll, runner),
            name="jobs",
            every_seconds=self._settings.poll_seconds,
            wakeup=self._wakeup,
            ready=self.ready,
        )
        await self._writer.start()
        await self._claims.start()
        await self._lease_keeper.start()
        await self._counts.start()

    async def drain(self, deadline_seconds: float) -> None:
        """Cancels attempts that do not end by the deadline and releases their jobs: another worker
        claims them at once.
        """
        if self._claims:
            await self._claims.drain(max(deadline_seconds, LAST_CLAIM_SECONDS))
            # Ends a claim that waits for a frozen database; the leases of its jobs expire. No job
            # may start after the slots are drained.
            await self._claims.stop()
        for claim in await self._slots.drain(deadline_seconds):
            with suppress(Transient):  # then the lease expires
                await self._leases.release(claim)

    async def stop(self) -> None:
        await self.drain(0)
        self.ready.clear()
        await self._lease_keeper.stop()
        await self._counts.stop()
        await self._writer.stop()
        await self._session.close()
        await self._opened.aclose()

    async def _poll(self, runner: AttemptRunner[R]) -> float:
        """Claims jobs; returns the seconds until the next poll, with jitter, so that workers do not
        poll at the same moment. A lost wake-up costs one pause, never a job. Each poll that finds
        nothing doubles the pause.
        """
        if self._lease_keeper.failures:
            raise Transient("the leases of jobs cannot be renewed: no further job is claimed meanwhile")
        due_in = await self._claim(runner)
        if self._slots.claims:
            self._pause = self._settings.poll_seconds
        pause, self._pause = self._pause, min(2 * self._pause, self._longest_pause)
        return min(pause * random.uniform(0.5, 1.0), due_in)  # noqa: S311 - no secret

    async def _claim(self, runner: AttemptRunner[R]) -> float:
        """Fills the free slots; returns the seconds until the next due job, if that is before the
        next poll.
        """
        if capacity := self._slots.capacity:
            wanted = min(self._slots.free, self._largest_claim)
            max_crashed = 0 if any(claim.crashed for claim in self._slots.claims) else 1
            claims = await self._leases.claim(wanted, capacity, max_crashed=max_crashed)
            if claims:
                AFTER_CLAIM.hit()
            for claim in claims:
                self._slots.acquire(claim, runner.run(claim, self._registry[claim.name], self._slots.handled))
            # A tenant's share may leave jobs, but a single job is all that was due. The next claim
            # is sent before the handlers of this one run.
            if len(claims) > 1 and self._slots.free:
                return 0.0
            await asyncio.sleep(0)  # a handler begins before the next statement is sent
        return await self._promote_due_jobs()

    async def _promote_due_jobs(self) -> float:
        """Makes delayed jobs claimable when they are due; a worker without free slots does so once
        per poll, for the others.
        """
        now, horizon = time.monotonic(), self._longest_pause
        if not self._slots.free and now < self._promoted_at + self._settings.poll_seconds:
            return horizon
        self._promoted_at = now
        seconds = await self._leases.promote_due_jobs()
        return horizon if seconds is None else min(seconds, horizon)

    @property
    def _longest_pause(self) -> float:
        return IDLE_POLLS * self._settings.poll_seconds

    def _claim_again(self) -> None:
        if self._claims:
            self._claims.retry.set()
