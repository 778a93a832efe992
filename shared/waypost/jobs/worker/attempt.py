"""One attempt at one job: bind, run within its time, write down how it ended."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Generic, TypeVar

import structlog

from waypost.engine.failpoints import failpoint
from waypost.jobs.claim import Claim
from waypost.jobs.context import JobContext
from waypost.jobs.declaration import Job
from waypost.jobs.spans import processing
from waypost.jobs.worker import failure
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
"""Between two tries to write an outcome while the database is away."""


class Attempts(Generic[R]):
    """What the attempts of one worker share."""

    def __init__(self, units: UnitsOfWork, outcomes: Outcomes, clock: Clock, resources: R) -> None:
        self._units = units
        self._outcomes = outcomes
        self._clock = clock
        self._resources = resources

    async def run(self, claim: Claim, job: Job) -> None:
        """Ends with the outcome written, or dropped because the lease was lost; cancelled, it has written nothing."""
        metrics.JOB_WAIT_SECONDS.labels(job.name).observe(self._late_seconds(claim))
        began, outcome = time.perf_counter(), "cancelled"
        try:
            outcome = await self._settle(claim, job)
        finally:
            metrics.JOB_RUN_SECONDS.labels(job.name, outcome).observe(time.perf_counter() - began)

    async def _settle(self, claim: Claim, job: Job) -> str:
        try:
            if claim.attempt > job.max_tries:
                raise Permanent(f"{job.max_tries} attempts were begun, and the last one ended without a word")
            result = await self._handle(claim, job)
            BEFORE_OUTCOME.hit()
            await self._write(claim, self._completion(claim, job, result))
            AFTER_OUTCOME.hit()
        except Exception as error:  # noqa: BLE001 - whatever a job fails with is written down
            return await self._failed(claim, job, error)
        return "complete"

    def _late_seconds(self, claim: Claim) -> float:
        return max((self._clock.now() - claim.run_at).total_seconds(), 0.0)

    async def _handle(self, claim: Claim, job: Job) -> str:
        cause = replace(claim.cause, causation_id=claim.id)
        with bound_tenants([claim.tenant_id]), bound_cause(cause), processing(claim):
            return as_json(await self._in_time(job, self._context(claim), job.restore(claim.arguments)))

    async def _in_time(self, job: Job, context: JobContext[R], arguments: dict[str, Any]) -> object:
        limit = asyncio.timeout(job.timeout_seconds)
        try:
            async with limit:
                return await job.handler(context, **arguments)
        except TimeoutError as error:
            if limit.expired():
                raise Transient(f"the attempt took longer than {job.timeout_seconds:g} s") from error
            raise
        except asyncio.CancelledError as error:
            if _is_asked_to_stop():
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
            clock=self._clock,
            open_unit=self._units.begin,
            report=partial(self._outcomes.progress, claim),
        )

    async def _failed(self, claim: Claim, job: Job, error: Exception) -> str:
        tries = min(claim.attempt, job.max_tries)
        known = {"job": claim.name, "job_id": str(claim.id), "tenant_id": str(claim.tenant_id), "attempt": tries}
        if failure.is_final(error) or claim.attempt >= job.max_tries:
            log.error("job_dead", **known, exc_info=error)
            texts = failure.for_operators(error), failure.for_tenant(error)
            await self._write(claim, partial(self._outcomes.mark_dead, claim, tries, *texts))
            return "dead"
        wait = max(job.retry.seconds(claim.attempt), failure.at_least_seconds(error))
        log.warning("job_failed", **known, retry_in_seconds=round(wait, 1), exc_info=error)
        at = self._clock.now() + timedelta(seconds=wait)
        await self._write(claim, partial(self._outcomes.try_again, claim, at, failure.for_operators(error)))
        return "failed"

    def _completion(self, claim: Claim, job: Job, result: str) -> Callable[[], Awaitable[bool]]:
        outcomes = self._outcomes
        return partial(outcomes.complete, claim, result) if job.keeps_result else partial(outcomes.forget, claim)

    async def _write(self, claim: Claim, outcome: Callable[[], Awaitable[bool]]) -> None:
        """Holds on to the outcome while the database is away: the work is done, and doing it again costs more than waiting."""
        while True:
            try:
                if not await outcome():
                    log.warning("job_outcome_dropped", job=claim.name, job_id=str(claim.id), attempt=claim.attempt)
                return
            except Transient:
                log.warning("job_outcome_delayed", job=claim.name, job_id=str(claim.id))
                await asyncio.sleep(PAUSE_SECONDS)


def _is_asked_to_stop() -> bool:
    """Whether it is this attempt that somebody cancelled, and not a task it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
