"""Gets a partition's records through the pipeline whatever fails: again, apart, or aside. Nothing is passed over."""

import asyncio
import contextlib

import structlog

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.pipeline import DeadLetterLimitReached, Fenced, Pipeline
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.retry import RETRYABLE, failure_of
from waypost.kernel.errors import WaypostError
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.telemetry import metrics

log = structlog.get_logger()

_OWN_STEPS = frozenset(("handle", "commit"))
"""Steps in which an error is the handler's; deferred constraints speak at the commit."""


class Stopped(WaypostError):
    """The partition was taken away, or the process ends; the records will come again."""


class BatchProcessor:
    """Of one partition: what fails is tried again until it is nobody's fault, or known to be one record's."""

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
        self.waits_for_room = False
        """Whether it can keep no letter, and waits until some are settled."""

    async def take(self, batch: Batch) -> None:
        """Returns when every record of the batch is handled, absorbed or kept as a letter. Raises Fenced and Stopped."""
        try:
            await self._take(batch)
        finally:
            self._tell_room(batch)

    async def _take(self, batch: Batch) -> None:
        failed_times, deaths = 0, 0
        while (error := await self._failure(batch)) is not None:
            failed_times += 1
            if isinstance(error, DeadLetterLimitReached):
                if len(batch.messages) > 1:
                    return await self._one_by_one(batch, each_alone=True)
                self._tell_room(batch, full=error)
                await self._pause(failed_times)
                batch = batch.again()
                continue
            deaths += batch.step in _OWN_STEPS and isinstance(error, RETRYABLE)
            if await self._blames_handler(error, batch, deaths):
                log.warning("handler_failed", **self._where(batch), exc_info=error)
                if len(batch.wanted) > 1:
                    return await self._one_by_one(batch)
                batch = batch.again({batch.wanted[0].record.offset: failure_of(error)})
            else:
                log.warning("batch_failed", **self._where(batch), error=repr(error), failed_times=failed_times)
                await self._pause(failed_times)
                batch = batch.again()
        return None

    async def _failure(self, batch: Batch) -> Exception | None:
        """What ended the batch's transaction before its commit."""
        try:
            await self._pipeline.process(batch)
        except Fenced:
            raise
        except Exception as error:  # noqa: BLE001 - a handler may raise anything, and no error may lose a record
            metrics.CONSUMER_FAILURES.labels(self._name, batch.step).inc()
            return error
        return None

    async def _one_by_one(self, batch: Batch, *, each_alone: bool = False) -> None:
        for part in batch.one_by_one(each_alone=each_alone):
            if self._stopping.is_set():
                raise Stopped
            await self.take(part)

    async def _blames_handler(self, error: Exception, batch: Batch, deaths: int) -> bool:
        """A passing failure is nobody's fault, unless the database ends this one batch again and again while it answers others."""
        if batch.step not in _OWN_STEPS or not batch.wanted:
            return False
        if isinstance(error, RETRYABLE):
            return deaths >= self._policy.deaths and await self._transactions.answers()
        return True

    async def _pause(self, failed_times: int) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), self._policy.pauses.seconds(failed_times))
        if self._stopping.is_set():
            raise Stopped

    def _tell_room(self, batch: Batch, *, full: DeadLetterLimitReached | None = None) -> None:
        if (full is not None) == self.waits_for_room:
            return
        self.waits_for_room = full is not None
        waiting = metrics.CONSUMER_FULL_PARTITIONS.labels(self._name)
        if full is not None:
            waiting.inc()
            caps = {
                "max_failed": self._policy.max_dead_letters,
                "max_out_of_order": self._policy.max_out_of_order_dead_letters,
            }
            log.error("dead_letter_limit_reached", **self._where(batch), **full.facts, **caps)
        else:
            waiting.dec()
            log.warning("dead_letter_limit_cleared", **self._where(batch))

    def _where(self, batch: Batch) -> dict[str, object]:
        return {
            "consumer": self._name,
            "partition": str(batch.partition),
            "offset": batch.expected,
            "records": len(batch.messages),
            "step": batch.step,
        }
