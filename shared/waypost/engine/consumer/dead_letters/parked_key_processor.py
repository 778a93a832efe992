"""Processes a parked key: handles its dead letters in version order until one fails or none is
left.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.dead_letters.attempt_result import AttemptResult
from waypost.engine.consumer.dead_letters.deferred_records import DeferredRecords
from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome, ParkedKeyQueue, StartedAttempt
from waypost.engine.consumer.effects import Effects
from waypost.engine.consumer.message import MessageParser
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.failpoints import failpoint
from waypost.engine.panics import panics_as_errors
from waypost.engine.periodic_loop import is_asked_to_stop
from waypost.engine.retry import RETRYABLE, attempts_count_from_here, failure_of
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import Conflict, NotFound, Transient, WaypostError
from waypost.ports.consumer_transaction import ConsumerTransaction, ConsumerTransactions
from waypost.ports.dead_letters import OPEN, DeadLetter, DeadLetterStatus, Failure, ParkedKey
from waypost.telemetry import metrics

log = structlog.get_logger()

AFTER_COUNT = failpoint("retries.after_count")
AFTER_EFFECT = failpoint("retries.after_effect")
AFTER_COMMIT = failpoint("retries.after_commit")


class ParkedKeyProcessor:
    """Processes the parked keys of one consumer, for its retries and for operators.

    Every transaction locks the row of the parked key first. A consumer does the same before it
    touches other rows, so that the two cannot deadlock.
    """

    def __init__(
        self,
        name: str,
        transactions: ConsumerTransactions,
        parser: MessageParser,
        effects: Effects,
        policy: ConsumerPolicy,
        *,
        deferred_records: DeferredRecords | None = None,
        on_attempt: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_attempt` is called after each attempt, which has changed the time of its key. Without
        `deferred_records`, deferred records stay on the topic.
        """
        self.name = name
        self._deferred_records = deferred_records
        self._transactions = transactions
        self._parser = parser
        self._effects = effects
        self._policy = policy
        self._on_attempt = on_attempt
        self._queue = ParkedKeyQueue(transactions, policy.retry)
        self._unrecorded: dict[ParkedKey, StartedAttempt] = {}
        """Attempts whose end the database could not store. They did not end this process, so they
        must not count.
        """

    async def due(self, limit: int) -> Sequence[ParkedKey]:
        """Up to this number of parked keys that are due, the longest due first."""
        async with self._transactions.begin(()) as transaction:
            return await transaction.parked_keys.due(limit)

    async def select_due(self, limit: int) -> tuple[Sequence[ParkedKey], timedelta | None]:
        """The keys as `due` returns them, and the time until the next one becomes due."""
        async with self._transactions.begin(()) as transaction:
            return await transaction.parked_keys.due(limit), await transaction.parked_keys.due_in()

    async def find(self, dead_letter_id: UUID) -> DeadLetter | None:
        """The dead letter with this id, settled or not; None if this consumer has none."""
        async with self._transactions.begin(()) as transaction:
            return await transaction.dead_letters.find(dead_letter_id)

    async def update_metrics(self) -> None:
        """Sets the gauges of parked keys and open dead letters. Counts each of them."""
        async with self._transactions.begin(()) as transaction:
            tally = await transaction.dead_letters.tally()
        metrics.CONSUMER_PARKED_KEYS.labels(self.name).set(tally.parked_keys)
        for status, count in tally.dead_letters.items():
            metrics.CONSUMER_DEAD_LETTERS.labels(self.name, status).set(count)

    async def is_parked(self, parked: ParkedKey) -> bool:
        """Whether the key is parked. Waits for another process that is processing the key."""
        async with self._transactions.begin(()) as transaction:
            return bool(await transaction.parked_keys.parked(parked.topic, [parked.key]))

    async def process(self, parked: ParkedKey) -> Sequence[AttemptResult]:
        """Attempts the dead letters of a key until the key is unparked, one fails, or none is due.

        Raises Transient where the database is unavailable; attempts counted before that stay
        counted.
        """
        attempts = [await self.attempt(parked)]
        while attempts[-1].outcome is ParkedKeyOutcome.HANDLED:
            attempts.append(await self.attempt(parked))
        return attempts

    async def discard(self, dead_letter_id: UUID, audit_context: AuditContext) -> Sequence[AttemptResult]:
        """Discards a dead letter, then processes the rest of its key.

        The order guard counts the discarded version as handled when its turn comes. Raises
        NotFound, Conflict for a dead letter that is settled already, and Transient while another
        process holds the key.
        """
        async with self._transactions.begin(()) as transaction:
            dead_letter = await self._existing(dead_letter_id, transaction)
            parked = ParkedKey(dead_letter.record.topic, dead_letter.key or b"")
            is_parked = await transaction.parked_keys.lock(parked)
            if not is_parked and await transaction.parked_keys.parked(parked.topic, [parked.key]):
                raise Transient("another process is processing this key; try again")
            # Another process may have handled it before this one held the lock.
            dead_letter = await self._existing(dead_letter_id, transaction)
            if dead_letter.status not in OPEN:
                raise Conflict(f"dead letter {dead_letter_id} is {dead_letter.status} already")
            await transaction.dead_letters.discard(dead_letter, audit_context)
        return await self.process(parked) if is_parked else []

    async def _existing(self, dead_letter_id: UUID, transaction: ConsumerTransaction) -> DeadLetter:
        dead_letter = await transaction.dead_letters.find(dead_letter_id)
        if dead_letter is None:
            raise NotFound(f"{self.name} has no dead letter {dead_letter_id}")
        return dead_letter

    async def attempt(
        self,
        parked: ParkedKey,
        audit_context: AuditContext | None = None,
        *,
        beyond_limit: UUID | None = None,
    ) -> AttemptResult:
        """Attempts the next dead letter of the key. With an audit context this is a redrive: it
        also attempts dead ones and ones that are not due yet. The limit of redrives does not apply
        to the dead letter `beyond_limit`.

        A transient error does not count as a redrive: it is reported to the operator, who may
        retry. It uses no attempt of the automatic retries either. Raises Transient where the
        database is unavailable.
        """
        if (unrecorded := self._unrecorded.get(parked)) is not None:
            await self._queue.undo(parked, unrecorded)
            del self._unrecorded[parked]
        started = await self._queue.next(parked, audit_context, beyond_limit=beyond_limit)
        deferred = self._deferred_records if started is ParkedKeyOutcome.DEFERRED else None
        if deferred is not None and await deferred.store_next(parked):
            started = await self._queue.next(parked, audit_context, beyond_limit=beyond_limit)
        if isinstance(started, ParkedKeyOutcome):
            return AttemptResult(outcome=started)
        try:
            return await self._run(parked, started, redriven=audit_context is not None)
        finally:
            self._on_attempt()

    async def _run(self, parked: ParkedKey, started: StartedAttempt, *, redriven: bool) -> AttemptResult:
        AFTER_COUNT.hit()
        metrics.CONSUMER_RETRIES.labels(self.name).inc()
        try:
            with panics_as_errors():
                outcome = await self._handle(parked, started.dead_letter, redriven=redriven)
        except asyncio.CancelledError as error:
            if is_asked_to_stop():
                raise
            cancelled = Transient(f"an operation that the handler awaited was cancelled: {error!r}")
            return await self._failed(parked, started, cancelled, redriven=redriven)
        except Exception as error:  # noqa: BLE001 - a handler may raise anything
            return await self._failed(parked, started, error, redriven=redriven)
        return AttemptResult(outcome=outcome, dead_letter=started.dead_letter)

    async def _handle(self, parked: ParkedKey, counted: DeadLetter, *, redriven: bool) -> ParkedKeyOutcome:
        """Stores the dead letter's new status and the handler's effects in one transaction. Raises
        the handler's error.
        """
        message = self._parser.parse(counted.record)
        if message.poison is not None:
            raise message.poison
        batch = Batch.of_one(message, step="retry", redriven=redriven)
        async with self._transactions.begin(batch.tenants) as transaction:
            if not await self._queue.is_unchanged(parked, counted, transaction):
                return ParkedKeyOutcome.LOCKED
            await transaction.dead_letters.update(
                counted.id, status=DeadLetterStatus.REDRIVEN, attempts=counted.attempts
            )
            if message.sequence is not None:
                await transaction.inbox.advance(parked.topic, {message.aggregate_id: message.sequence})
            outcome = ParkedKeyOutcome.HANDLED
            if await self._queue.is_empty(parked, message.sequence or 0, transaction):
                await transaction.parked_keys.unpark(parked)
                outcome = ParkedKeyOutcome.UNPARKED
            if message.has_handler:
                async with self._policy.handler_timeout():
                    await self._effects.run([message], batch, transaction)
            AFTER_EFFECT.hit()
        AFTER_COMMIT.hit()
        batch.run_after_commit()
        return outcome

    async def _failed(
        self, parked: ParkedKey, started: StartedAttempt, error: Exception, *, redriven: bool
    ) -> AttemptResult:
        try:
            if redriven and isinstance(error, RETRYABLE):
                return await self._undo(parked, started, error)
            failure = await self._record_failure(parked, started.dead_letter, error)
        except Transient:
            self._unrecorded[parked] = started
            raise
        return AttemptResult(outcome=ParkedKeyOutcome.FAILED, dead_letter=started.dead_letter, failure=failure)

    async def _undo(self, parked: ParkedKey, started: StartedAttempt, error: WaypostError) -> AttemptResult:
        await self._queue.undo(parked, started)
        log.warning("redrive_prevented", consumer=self.name, dead_letter=str(started.dead_letter.id), error=repr(error))
        return AttemptResult(
            outcome=ParkedKeyOutcome.PREVENTED, dead_letter=started.before, failure=failure_of(error), prevented=error
        )

    async def _record_failure(self, parked: ParkedKey, counted: DeadLetter, error: Exception) -> Failure:
        failure = failure_of(error)
        attempts = 1 if attempts_count_from_here(counted.failure, failure) else counted.attempts
        async with self._transactions.begin(()) as transaction:
            now = await transaction.dead_letters.now()
            status, next_attempt_at = self._policy.retry.status_after(failure, attempts, now)
            if await self._queue.is_unchanged(parked, counted, transaction):
                await transaction.dead_letters.update(
                    counted.id,
                    status=status,
                    attempts=attempts,
                    next_attempt_at=next_attempt_at,
                    failure=failure,
                )
        facts = {"consumer": self.name, "dead_letter": str(counted.id), "attempts": attempts}
        if status is DeadLetterStatus.DEAD or attempts >= self._policy.retry.alarm_after:
            log.error("retry_failed", **facts, exc_info=error)
        elif failure.uses_no_attempt:
            log.info("retry_waits", **facts, error=repr(error))
        else:
            log.warning("retry_failed", **facts, exc_info=error)
        return failure
