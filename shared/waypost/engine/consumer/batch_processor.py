"""Gets a partition's records through the pipeline whatever fails: again, apart, or aside. Nothing
is passed over.
"""

import asyncio
import contextlib
from dataclasses import dataclass

import structlog

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.pipeline import DeadLetterLimitReached, Fenced, Pipeline
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.periodic_loop import is_asked_to_stop
from waypost.engine.retry import RETRYABLE, failure_of
from waypost.kernel.errors import Transient, WaypostError
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.telemetry import metrics

log = structlog.get_logger()

_OWN_STEPS = frozenset(("handle", "commit"))
"""Steps in which an error is the handler's; deferred constraints speak at the commit."""


class Stopped(WaypostError):
    """The partition was taken away, or the process ends; the records will come again."""


class Stuck(WaypostError):
    """One batch of a partition fails again and again."""


@dataclass(slots=True)
class _Tally:
    """How one batch has failed so far."""

    failed_times: int = 0
    deaths: int = 0
    """Transient errors in the handler's steps: the database ended this batch."""
    refusals: int = 0
    """Errors in a row, not transient, while its dead letters were stored."""

    def count(self, error: Exception, batch: Batch) -> None:
        self.failed_times += 1
        self.deaths += batch.step in _OWN_STEPS and isinstance(error, RETRYABLE)
        refused = batch.step == "keep_dead_letters" and not isinstance(error, (*RETRYABLE, DeadLetterLimitReached))
        self.refusals = self.refusals + 1 if refused else 0


class BatchProcessor:
    """Of one partition: what fails is tried again until it is nobody's fault, or known to be one
    record's.
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
        self.waits_for_room = False
        """Whether it can keep no letter, and waits until some are settled."""
        self.stuck = False
        """Whether one batch has failed `ConsumerPolicy.unready_from` times in a row."""

    async def take(self, batch: Batch) -> None:
        """Returns when every record of the batch is handled, absorbed or kept as a letter. Raises
        Fenced and Stopped.
        """
        try:
            await self._take(batch)
        finally:
            self._tell_room(batch)
            self._show_stuck(False)

    async def _take(self, batch: Batch) -> None:
        tally = _Tally()
        while (error := await self._failure(batch)) is not None:
            tally.count(error, batch)
            self._show_stuck(tally.failed_times >= self._policy.unready_from)
            following = await self._after(error, batch, tally)
            if following is None:
                return
            batch = following

    async def _after(self, error: Exception, batch: Batch, tally: "_Tally") -> Batch | None:
        """What to try next; None where everything is done already."""
        if (isinstance(error, DeadLetterLimitReached) or tally.refusals) and len(batch.messages) > 1:
            log.warning("batch_split", **self._where(batch), error=repr(error))
            await self._one_by_one(batch, each_alone=True)
            return None
        if isinstance(error, DeadLetterLimitReached):
            self._tell_room(batch, full=error)
            await self._pause(tally.failed_times)
            return batch.again()
        if await self._blames_handler(error, batch, tally.deaths):
            log.warning("handler_failed", **self._where(batch), exc_info=error)
            if len(batch.wanted) > 1:
                await self._one_by_one(batch)
                return None
            return batch.again({batch.wanted[0].record.offset: failure_of(error)})
        log.warning("batch_failed", **self._where(batch), error=repr(error), failed_times=tally.failed_times)
        if tally.refusals >= self._policy.strip_from and await self._stored_stripped(batch, error):
            return None
        await self._pause(tally.failed_times)
        return batch.again()

    async def _stored_stripped(self, batch: Batch, refused: Exception) -> bool:
        """The last resort: one record's dead letter without what the database may refuse. Where
        even this fails, nothing is passed over.
        """
        bare = batch.stripped(refused)
        if await self._failure(bare) is not None:
            return False
        metrics.CONSUMER_STRIPPED_DEAD_LETTERS.labels(self._name).inc()
        log.error("dead_letter_stripped", **self._where(batch), exc_info=refused)
        return True

    async def _failure(self, batch: Batch) -> Exception | None:
        """What ended the batch's transaction before its commit."""
        try:
            await self._pipeline.process(batch)
        except Fenced:
            raise
        except asyncio.CancelledError as error:
            if is_asked_to_stop():
                raise
            metrics.CONSUMER_FAILURES.labels(self._name, batch.step).inc()
            return Transient(f"something that the step {batch.step!r} waited for was cancelled: {error!r}")
        except Exception as error:  # noqa: BLE001 - a handler may raise anything, and no error may lose a record
            metrics.CONSUMER_FAILURES.labels(self._name, batch.step).inc()
            return error
        return None

    async def _one_by_one(self, batch: Batch, *, each_alone: bool = False) -> None:
        """Takes the parts in, one after the other."""
        for part in batch.one_by_one(each_alone=each_alone):
            if self._stopping.is_set():
                raise Stopped
            await self.take(part)

    async def _blames_handler(self, error: Exception, batch: Batch, deaths: int) -> bool:
        """A passing failure is nobody's fault, unless the database ends this one batch again and
        again while it answers others.
        """
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

    def _show_stuck(self, stuck: bool) -> None:
        if stuck == self.stuck:
            return
        self.stuck = stuck
        partitions = metrics.CONSUMER_STUCK_PARTITIONS.labels(self._name)
        partitions.inc() if stuck else partitions.dec()

    def _where(self, batch: Batch) -> dict[str, object]:
        return {
            "consumer": self._name,
            "partition": str(batch.partition),
            "offset": batch.expected,
            "records": len(batch.messages),
            "step": batch.step,
        }
