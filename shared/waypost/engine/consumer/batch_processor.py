"""Processes a batch until every record is committed: retries it, then splits it, then dead-letters
the record at fault. Never skips a record.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.pipeline import DeadLetterLimitReached, Fenced, Pipeline
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.panics import panics_as_errors
from waypost.engine.periodic_loop import is_asked_to_stop
from waypost.engine.retry import RETRYABLE, WITHOUT_ATTEMPTS, failure_of
from waypost.kernel.errors import ConcurrencyConflict, Transient, WaypostError
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.dead_letters import DeadLetterNotStorable
from waypost.telemetry import metrics

log = structlog.get_logger()

_HANDLER_STEPS = frozenset(("handle", "commit"))
"""Steps in which an error is the handler's. Deferred constraints are checked at the commit."""

_STORING_STEP = "store_dead_letters"


class Stopped(WaypostError):
    """The partition was revoked, or the process stops; the records are read again later."""


class PartitionStuck(WaypostError):
    """One batch of a partition fails repeatedly."""


@dataclass(slots=True)
class _FailureCounts:
    """Failures of one batch so far."""

    failed_times: int = 0
    terminations: int = 0
    """Transient errors in the handler's steps: the database ended this batch's transaction."""
    conflicts: int = 0
    """Conflicts with another writer in the handler's steps."""
    refusals: int = 0
    """Consecutive refusals of the content of its dead letters."""

    def record(self, error: Exception, batch: Batch) -> None:
        self.failed_times += 1
        if batch.step in _HANDLER_STEPS and isinstance(error, RETRYABLE):
            is_conflict = isinstance(error, ConcurrencyConflict)
            self.conflicts += is_conflict
            self.terminations += not is_conflict
        self.refusals = self.refusals + 1 if isinstance(error, DeadLetterNotStorable) else 0


class BatchProcessor:
    """Processes the batches of one partition. A failed batch is retried until it succeeds or the
    fault of one record is proven.
    """

    def __init__(
        self,
        name: str,
        pipeline: Pipeline,
        transactions: ConsumerTransactions,
        policy: ConsumerPolicy,
        stopping: asyncio.Event,
    ) -> None:
        self._name = name
        self._pipeline = pipeline
        self._transactions = transactions
        self._policy = policy
        self._stopping = stopping
        self.at_dead_letter_limit = False
        """Whether the limit of dead letters is reached, so that the partition waits until some are
        settled.
        """
        self.stuck = False
        """Whether one batch has failed `ConsumerPolicy.unready_after_failures` times in a row."""

    async def process(self, batch: Batch) -> None:
        """Returns when every record of the batch is handled, skipped as processed, or stored as a
        dead letter. Raises Fenced and Stopped.
        """
        remaining = [batch]
        while remaining:
            part = remaining.pop()
            try:
                remaining.extend(reversed(await self._process(part)))
            finally:
                self._report_limit(part)
                self._report_stuck(False)
            if remaining and self._stopping.is_set():
                raise Stopped

    async def _process(self, batch: Batch) -> Sequence[Batch]:
        """Returns the parts to process instead, in order; none if every record is committed."""
        counts = _FailureCounts()
        while (error := await self._failure(batch)) is not None:
            counts.record(error, batch)
            self._report_stuck(counts.failed_times >= self._policy.unready_after_failures)
            following = await self._following(error, batch, counts)
            if len(following) != 1:
                return following
            (batch,) = following
        return ()

    async def _following(self, error: Exception, batch: Batch, counts: "_FailureCounts") -> Sequence[Batch]:
        """After an error: the same records again, as one batch or split. Empty if every record is
        committed.
        """
        if parts := _parts_apart(error, batch):
            if isinstance(error, WITHOUT_ATTEMPTS):
                log.info("handler_waits", **self._log_fields(batch), error=repr(error))
            else:
                log.warning("batch_split", **self._log_fields(batch), error=repr(error))
            return parts
        if isinstance(error, DeadLetterLimitReached):
            self._report_limit(batch, full=error)
            await self._pause(counts.failed_times)
            return [batch.retried()]
        if await self._is_handler_error(error, batch, counts):
            if isinstance(error, WITHOUT_ATTEMPTS):
                log.info("handler_waits", **self._log_fields(batch), error=repr(error))
            else:
                log.warning("handler_failed", **self._log_fields(batch), exc_info=error)
            if len(batch.to_handle) > 1:
                return list(batch.split())
            return [batch.retried({**batch.failures, batch.to_handle[0].record.offset: failure_of(error)})]
        log.warning("batch_failed", **self._log_fields(batch), error=repr(error), failed_times=counts.failed_times)
        if counts.refusals >= self._policy.drop_headers_after_errors and await self._stored_stripped(batch, error):
            return ()
        await self._pause(counts.failed_times)
        return [batch.retried()]

    async def _stored_stripped(self, batch: Batch, refusal: Exception) -> bool:
        """The last resort: stores one record's dead letter without key and headers, which the
        database may refuse. False if this fails too; the record is then retried.
        """
        bare = batch.stripped(refusal)
        if await self._failure(bare) is not None:
            return False
        metrics.CONSUMER_STRIPPED_DEAD_LETTERS.labels(self._name).inc()
        log.error("dead_letter_stripped", **self._log_fields(batch), exc_info=refusal)
        return True

    async def _failure(self, batch: Batch) -> Exception | None:
        """Processes the batch once; returns the error that ended its transaction before the commit,
        if any.
        """
        try:
            with panics_as_errors():
                await self._pipeline.process(batch)
        except Fenced:
            raise
        except asyncio.CancelledError as error:
            if is_asked_to_stop():
                raise
            metrics.CONSUMER_FAILURES.labels(self._name, batch.step).inc()
            return Transient(f"an operation that step {batch.step!r} awaited was cancelled: {error!r}")
        except Exception as error:  # noqa: BLE001 - a handler may raise anything, and no error may lose a record
            metrics.CONSUMER_FAILURES.labels(self._name, batch.step).inc()
            return error
        return None

    async def _is_handler_error(self, error: Exception, batch: Batch, counts: "_FailureCounts") -> bool:
        """Whether the handler is at fault. A transient error counts only after `max_terminations`
        of this one batch while the database answers other queries. A conflict counts only after
        `max_conflicts` repetitions: writers of one aggregate meet by chance.
        """
        if batch.step not in _HANDLER_STEPS or not batch.to_handle:
            return False
        if isinstance(error, RETRYABLE):
            persistent = (
                counts.conflicts >= self._policy.max_conflicts
                if isinstance(error, ConcurrencyConflict)
                else counts.terminations >= self._policy.max_terminations
            )
            return persistent and await self._transactions.is_reachable()
        return True

    async def _pause(self, failed_times: int) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._policy.pauses.seconds(failed_times)):
                await self._stopping.wait()
        if self._stopping.is_set():
            raise Stopped

    def _report_limit(self, batch: Batch, *, full: DeadLetterLimitReached | None = None) -> None:
        if (full is not None) == self.at_dead_letter_limit:
            return
        self.at_dead_letter_limit = full is not None
        waiting = metrics.CONSUMER_FULL_PARTITIONS.labels(self._name)
        if full is not None:
            waiting.inc()
            caps = {
                "max_failed": self._policy.max_dead_letters,
                "max_out_of_order": self._policy.max_out_of_order_dead_letters,
            }
            log.error("dead_letter_limit_reached", **self._log_fields(batch), **full.facts, **caps)
        else:
            waiting.dec()
            log.warning("dead_letter_limit_cleared", **self._log_fields(batch))

    def _report_stuck(self, stuck: bool) -> None:
        if stuck == self.stuck:
            return
        self.stuck = stuck
        partitions = metrics.CONSUMER_STUCK_PARTITIONS.labels(self._name)
        partitions.inc() if stuck else partitions.dec()

    def _log_fields(self, batch: Batch) -> dict[str, object]:
        return {
            "consumer": self._name,
            "partition": str(batch.partition),
            "offset": batch.expected,
            "records": len(batch.messages),
            "step": batch.step,
        }


def _parts_apart(error: Exception, batch: Batch) -> Sequence[Batch]:
    """The parts of a batch that failed because of one record, so that the others do not fail with
    it; none for a single record, and for an error that concerns no single record.

    The record whose handler raised gets a separate transaction, which proves the fault: a statement
    may fail because of an earlier event of its transaction.
    """
    if batch.handling is not None and len(batch.to_handle) > 1:
        return list(batch.around(batch.handling))
    if batch.step == _STORING_STEP and not isinstance(error, RETRYABLE) and len(batch.messages) > 1:
        return list(batch.split(singly=True))
    return ()
