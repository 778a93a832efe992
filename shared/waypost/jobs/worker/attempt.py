"""One attempt at one job, step by step: `Attempts.run` names the steps in their order."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Generic, TypeVar

import structlog

from waypost.engine.failpoints import failpoint
from waypost.engine.periodic_loop import is_asked_to_stop
from waypost.jobs.claim import Claim
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.spans import processing
from waypost.jobs.worker import failure
from waypost.jobs.worker.call import call_handler
from waypost.jobs.worker.outcomes import Outcomes, as_json
from waypost.kernel.cause import bound_cause
from waypost.kernel.clock import Clock
from waypost.kernel.errors import Permanent, Transient
from waypost.kernel.tenant import bound_tenants
from waypost.ports.unit_of_work import UnitsOfWork
from waypost.telemetry import metrics

R = TypeVar("R")
log = structlog.get_logger()

BEFORE_OUTCOME = failpoint("jobs.before_outcome")
AFTER_OUTCOME = failpoint("jobs.after_outcome")

PAUSE_SECONDS = 0.5
"""Between two writes of an outcome while the database is away."""


class Outcome(StrEnum):
    """How an attempt ended."""

    COMPLETE = "complete"
    FAILED = "failed"
    """Another attempt follows."""
    DEAD = "dead"
    CANCELLED = "cancelled"
    """The worker stopped it, or its lease was lost."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """What the steps know of one attempt, and what they leave for the next step."""

    claim: Claim
    job: Job
    began: float = field(default_factory=time.perf_counter)
    result: str = ""
    """The handler's, as JSON."""
    error: Exception | None = None
    outcome: Outcome = Outcome.CANCELLED
    """Until another one is written."""

    @property
    def number(self) -> int:
        """The claim counts one above the limit after a crash of the worker in the last attempt; that one never began."""
        return min(self.claim.attempt, self.job.max_attempts)

    @property
    def facts(self) -> Mapping[str, object]:
        """For the log."""
        claim = self.claim
        return {"job": claim.name, "job_id": str(claim.id), "tenant_id": str(claim.tenant_id), "attempt": self.number}


class Attempts(Generic[R]):
    """What the attempts of one worker share."""

    def __init__(self, units: UnitsOfWork, outcomes: Outcomes, clock: Clock, resources: R) -> None:
        self._units = units
        self._outcomes = outcomes
        self._clock = clock
        self._resources = resources

    async def run(self, claim: Claim, job: Job) -> None:
        """Ends with the outcome written, or dropped because the lease was lost; cancelled, it has written nothing."""
        attempt = Attempt(claim=claim, job=job)
        self._observe_wait(attempt)
        try:
            await self._perform(attempt)
            await self._record_completion(attempt)
            await self._record_failure(attempt)
        finally:
            self._observe_duration(attempt)

    def _observe_wait(self, attempt: Attempt) -> None:
        late = (self._clock.now() - attempt.claim.run_at).total_seconds()
        metrics.JOB_WAIT_SECONDS.labels(attempt.job.name).observe(max(late, 0.0))

    async def _perform(self, attempt: Attempt) -> None:
        """Calls the handler under the job's tenant, cause and span. Leaves its result, or its error."""
        claim, job = attempt.claim, attempt.job
        cause = replace(claim.cause, causation_id=claim.id)
        try:
            async with limit:
                return await job.handler(context, **arguments)
        except TimeoutError as error:
            if limit.expired():
                raise Transient(f"the attempt took longer than {job.timeout_seconds:g} s") from error
            raise
        except asyncio.CancelledError as error:
            if is_asked_to_stop():
                raise
            raise Transient("something that the job waited for was cancelled") from error

    def _context(self, claim: Claim) -> JobContext[R]:
        return JobContext(
            id=claim.id,
            name=claim.name,
            attempt=claim.attempt,
            tenant_id=claim.tenant_id,
            enqueued_at=claim.enqueued_at,
            idempotency_key=claim.idempotency_key or str(claim.id),
            resources=self._resources,
            open_unit=self._units.begin,
            report=partial(self._outcomes.progress, claim),
        )

    async def _write(self, attempt: Attempt, outcome: Callable[[], Awaitable[bool]]) -> None:
        """Writes the outcome as often as it takes while the database is away: to repeat finished work would cost more."""
        while True:
            try:
                if not await outcome():
                    log.warning("job_outcome_dropped", **attempt.facts)
                return
            except Transient:
                log.warning("job_outcome_delayed", **attempt.facts)
                await asyncio.sleep(PAUSE_SECONDS)
