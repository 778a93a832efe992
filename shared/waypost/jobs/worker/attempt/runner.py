"""Runs one attempt at one job, and writes its outcome. `AttemptRunner.run` lists the steps in
order.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import Generic, TypeVar

import structlog
from prometheus_client import Histogram

from waypost.engine.failpoints import failpoint
from waypost.engine.panics import panics_as_errors
from waypost.jobs.claim import Claim
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.spans import processing
from waypost.jobs.worker import failure
from waypost.jobs.worker.attempt.handler_call import call_handler, refuse_exhausted
from waypost.jobs.worker.attempt.state import Attempt, Outcome
from waypost.jobs.worker.outcomes import Outcomes, as_json
from waypost.kernel.cause import bind_cause
from waypost.kernel.clock import Clock
from waypost.kernel.errors import NotYet, Transient
from waypost.kernel.tenant import bind_tenants
from waypost.ports.unit_of_work import UnitsOfWork
from waypost.telemetry import metrics

R = TypeVar("R")
log = structlog.get_logger()

BEFORE_OUTCOME = failpoint("jobs.before_outcome")
AFTER_OUTCOME = failpoint("jobs.after_outcome")

PAUSE_SECONDS = 0.5
"""Pause between two writes of an outcome while the database is unavailable."""


class AttemptRunner(Generic[R]):
    """Runs the attempts of one worker."""

    def __init__(self, units: UnitsOfWork, outcomes: Outcomes, clock: Clock, resources: R) -> None:
        self._units = units
        self._outcomes = outcomes
        self._clock = clock
        self._resources = resources

    async def run(self, claim: Claim, job: Job, on_handled: Callable[[], None]) -> None:
        """Runs one attempt. At its end the outcome is written, or dropped if the lease was lost; a
        cancelled attempt writes nothing. Calls `on_handled` between the two.
        """
        attempt = Attempt(claim=claim, job=job)
        self._observe_wait(attempt)
        try:
            await self._perform(attempt)
            on_handled()
            await self._record_completion(attempt)
            await self._record_failure(attempt)
        finally:
            self._observe_duration(attempt)

    def _observe_wait(self, attempt: Attempt) -> None:
        claim = attempt.claim
        _waits_of(attempt.job.name).observe(max((claim.started_at - claim.run_at).total_seconds(), 0.0))

    async def _perform(self, attempt: Attempt) -> None:
        """Calls the handler with the job's tenant, cause and span bound; stores its result or error
        in the attempt. Tenant and cause stay bound, because the task runs this attempt only.
        """
        claim, job = attempt.claim, attempt.job
        bind_tenants([claim.tenant_id])
        bind_cause(claim.cause)
        try:
            refuse_exhausted(attempt)
            with panics_as_errors(), processing(claim):
                arguments = job.restore(claim.arguments)
                attempt.result = as_json(await call_handler(job, self._context(claim), arguments))
        except Exception as error:  # noqa: BLE001 - every error of a handler is recorded
            attempt.error = error

    async def _record_completion(self, attempt: Attempt) -> None:
        """Writes the result; stores an error in the attempt if the result cannot be stored."""
        if attempt.error is not None:
            return
        result = attempt.result if attempt.job.keeps_result else None
        try:
            BEFORE_OUTCOME.hit()
            await self._write(attempt, partial(self._outcomes.complete, attempt.claim, result))
            AFTER_OUTCOME.hit()
            attempt.outcome = Outcome.COMPLETE
        except Exception as error:  # noqa: BLE001 - as above
            attempt.error = error

    async def _record_failure(self, attempt: Attempt) -> None:
        error = attempt.error
        if error is None:
            return
        outage = failure.is_outage(error, attempt.job)
        is_last = attempt.claim.attempt >= attempt.job.max_attempts and not outage
        if failure.is_final(error) or is_last:
            await self._mark_dead(attempt, error)
        else:
            await self._schedule_retry(attempt, error, outage=outage)

    async def _mark_dead(self, attempt: Attempt, error: Exception) -> None:
        log.error("job_dead", **attempt.facts, exc_info=error)
        texts = failure.for_operators(error), failure.for_tenant(error)
        await self._write(attempt, partial(self._outcomes.mark_dead, attempt.claim, attempt.number, *texts))
        attempt.outcome = Outcome.DEAD

    async def _schedule_retry(self, attempt: Attempt, error: Exception, *, outage: bool) -> None:
        claim, wait = attempt.claim, failure.pause_seconds(error, attempt.job, attempt.claim)
        facts = {**attempt.facts, "retry_in_seconds": round(wait, 1)}
        if outage:
            metrics.JOB_OUTAGES.labels(attempt.job.name).inc()
        if outage and claim.outages + 1 >= failure.ALARM_AFTER:
            log.error("job_waits_for_outage", **facts, exc_info=error)
        elif isinstance(error, NotYet):
            log.info("job_waits", **facts, error=repr(error))
        else:
            log.warning("job_failed", **facts, exc_info=error)
        text = failure.for_operators(error)
        await self._write(attempt, partial(self._outcomes.retry, claim, wait, text, outage=outage))
        attempt.outcome = Outcome.FAILED

    def _observe_duration(self, attempt: Attempt) -> None:
        seconds = time.perf_counter() - attempt.began
        _runs_of(attempt.job.name, attempt.outcome).observe(seconds)

    def _context(self, claim: Claim) -> JobContext[R]:
        return JobContext(
            id=claim.id,
            name=claim.name,
            attempt=claim.attempt,
            outages=claim.outages,
            tenant_id=claim.tenant_id,
            enqueued_at=claim.enqueued_at,
            idempotency_key=claim.idempotency_key or str(claim.id),
            resources=self._resources,
            clock=self._clock,
            open_unit=self._units.begin,
            report=partial(self._outcomes.progress, claim),
        )

    async def _write(self, attempt: Attempt, outcome: Callable[[], Awaitable[bool]]) -> None:
        """Writes the outcome, retrying while the database is unavailable: to repeat finished work
        would cost more.
        """
        while True:
            try:
                if not await outcome():
                    log.warning("job_outcome_dropped", **attempt.facts)
                return
            except Transient:
                log.warning("job_outcome_delayed", **attempt.facts)
                await asyncio.sleep(PAUSE_SECONDS)


@cache
def _waits_of(job: str) -> Histogram:
    return metrics.JOB_WAIT_SECONDS.labels(job)


@cache
def _runs_of(job: str, outcome: Outcome) -> Histogram:
    return metrics.JOB_RUN_SECONDS.labels(job, outcome)
