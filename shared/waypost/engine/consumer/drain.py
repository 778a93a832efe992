"""Works a parked key off: its letters in version order, through the same handlers, until one fails
or none is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.effects import Effects
from waypost.engine.consumer.message import Reader
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.consumer.turns import Outcome, ParkedKeyQueue, StartedAttempt
from waypost.engine.failpoints import failpoint
from waypost.engine.retry import RETRYABLE, ends_a_wait, failure_of
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.clock import Clock
from waypost.kernel.errors import Conflict, NotFound, Transient, WaypostError
from waypost.ports.consumer_transaction import ConsumerTransaction, ConsumerTransactions
from waypost.ports.dead_letters import OPEN, DeadLetter, Failure, ParkedKey, Status
from waypost.telemetry import metrics

log = structlog.get_logger()

AFTER_COUNT = failpoint("retries.after_count")
AFTER_EFFECT = failpoint("retries.after_effect")
AFTER_COMMIT = failpoint("retries.after_commit")


KEYS_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of one letter; without one, why the key's work ended."""

    outcome: Outcome
    dead_letter: DeadLetter | None = None
    failure: Failure | None = None
    """Why it failed."""
    prevented: WaypostError | None = None
    """What was in its way; nothing is counted."""


class ParkedKeyProcessor:
    """One consumer's. Every transaction locks the parked row before anything else: so does a
    consumer before it touches a row.
    """

    def __init__(
        self,
        name: str,
        transactions: ConsumerTransactions,
        reader: Reader,
        effects: Effects,
        policy: ConsumerPolicy,
        clock: Clock,
    ) -> None:
        self.name = name
        self._transactions = transactions
        self._reader = reader
        self._effects = effects
        self._policy = policy
        self._clock = clock
        self._turns = ParkedKeyQueue(transactions, policy.retry, clock)

    async def due(self) -> Sequence[ParkedKey]:
        """Some at a time, the one that has waited longest first."""
        async with self._transactions.begin(()) as transaction:
            return await transaction.dead_letters.due(self._clock.now(), KEYS_AT_ONCE)

    async def find(self, dead_letter_id: UUID) -> DeadLetter | None:
        async with self._transactions.begin(()) as transaction:
            return await transaction.dead_letters.find(dead_letter_id)

    async def tell_metrics(self) -> None:
        async with self._transactions.begin(()) as transaction:
            tally = await transaction.dead_letters.tally()
        metrics.CONSUMER_PARKED_KEYS.labels(self.name).set(tally.parked_keys)
        for status, count in tally.dead_letters.items():
            metrics.CONSUMER_DEAD_LETTERS.labels(self.name, status).set(count)

    async def is_parked(self, parked: ParkedKey) -> bool:
        """Waits for whoever works the key off at present."""
        async with self._transactions.begin(()) as transaction:
            return bool(await transaction.dead_letters.parked(parked.topic, [parked.key]))

    async def work_off(self, parked: ParkedKey, *, at_once: bool = False) -> Sequence[Attempt]:
        """Until the key flows, a letter fails, or there is nothing to be done now. `at_once`: what
        is not due yet is tried as well.

        Raises Transient where the database is away; what was counted stays counted.
        """
        attempts = [await self.attempt(parked, at_once=at_once)]
        while attempts[-1].outcome is Outcome.HANDLED:
            attempts.append(await self.attempt(parked, at_once=at_once))
        return attempts

    async def discard(self, dead_letter_id: UUID, audit_context: AuditContext) -> Sequence[Attempt]:
        """Gives a letter up: its event counts as handled once it is its turn. Then works its key
        off.

        Raises NotFound, Conflict for a letter that is settled, and Transient while somebody else
        works the key off.
        """
        async with self._transactions.begin(()) as transaction:
            dead_letter = await self._existing(dead_letter_id, transaction)
            parked = ParkedKey(dead_letter.record.topic, dead_letter.key or b"")
            is_parked = await transaction.dead_letters.lock(parked)
            if not is_parked and await transaction.dead_letters.parked(parked.topic, [parked.key]):
                raise Transient("somebody else works this key off; try again")
            dead_letter = await self._existing(
                dead_letter_id, transaction
            )  # somebody may have handled it before we had the lock
            if dead_letter.status not in OPEN:
                raise Conflict(f"letter {dead_letter_id} is {dead_letter.status} already")
            await transaction.dead_letters.discard(dead_letter, audit_context)
        return await self.work_off(parked) if is_parked else []

    async def _existing(self, dead_letter_id: UUID, transaction: ConsumerTransaction) -> DeadLetter:
        dead_letter = await transaction.dead_letters.find(dead_letter_id)
        if dead_letter is None:
            raise NotFound(f"{self.name} has no letter {dead_letter_id}")
        return dead_letter

    async def attempt(
        self, parked: ParkedKey, audit_context: AuditContext | None = None, *, at_once: bool = False
    ) -> Attempt:
        """At the letter whose turn it is. With a mandate it is a redrive: it tries dead letters
        too, and waits for no moment.

        What passes uses up no redrive: the operator is told, and comes again. A consumer's own
        retry counts it, as its taker does: what does so again and again while the database answers
        must come to an end. Raises Transient where the database is away.
        """
        begun = await self._turns.next(parked, audit_context, at_once=at_once)
        if isinstance(begun, Outcome):
            return Attempt(outcome=begun)
        AFTER_COUNT.hit()
        metrics.CONSUMER_RETRIES.labels(self.name).inc()
        try:
            outcome = await self._handle(parked, begun.dead_letter, redriven=audit_context is not None)
        except Exception as error:  # noqa: BLE001 - a handler may raise anything
            if audit_context is not None and isinstance(error, RETRYABLE):
                return await self._take_back(parked, begun, error)
            failure = await self._record_failure(parked, begun.dead_letter, error)
            return Attempt(outcome=Outcome.FAILED, dead_letter=begun.dead_letter, failure=failure)
        return Attempt(outcome=outcome, dead_letter=begun.dead_letter)

    async def _handle(self, parked: ParkedKey, counted: DeadLetter, *, redriven: bool) -> Outcome:
        """The letter's change of status and its handler's effects, together. Raises what the
        handler raises.
        """
        message = self._reader.read(counted.record)
        if message.poison is not None:
            raise message.poison
        batch = Batch.of_one(message, step="retry", redriven=redriven)
        async with self._transactions.begin(batch.tenants) as transaction:
            if not await self._turns.still_ours(parked, counted, transaction):
                return Outcome.BUSY
            await transaction.dead_letters.update(counted.id, status=Status.REDRIVEN, attempts=counted.attempts)
            if message.sequence is not None:
                await transaction.inbox.advance(parked.topic, {message.aggregate_id: message.sequence})
            outcome = Outcome.HANDLED
            if await transaction.dead_letters.first(parked, message.sequence or 0) is None:
                await transaction.dead_letters.unpark(parked)
                outcome = Outcome.UNPARKED
            if message.wanted:
                async with self._policy.handlers_time():
                    await self._effects.run([message], batch, transaction)
            AFTER_EFFECT.hit()
        AFTER_COMMIT.hit()
        batch.follow_up()
        return outcome

    async def _take_back(self, parked: ParkedKey, begun: StartedAttempt, error: WaypostError) -> Attempt:
        await self._turns.take_back(parked, begun)
        log.warning("redrive_prevented", consumer=self.name, dead_letter=str(begun.dead_letter.id), error=repr(error))
        return Attempt(outcome=Outcome.PREVENTED, dead_letter=begun.before, failure=failure_of(error), prevented=error)

    async def _record_failure(self, parked: ParkedKey, counted: DeadLetter, error: Exception) -> Failure:
        failure = failure_of(error)
        attempts = 1 if ends_a_wait(counted.failure, failure) else counted.attempts
        status, next_attempt_at = self._policy.retry.verdict(failure, attempts, self._clock.now())
        async with self._transactions.begin(()) as transaction:
            if await self._turns.still_ours(parked, counted, transaction):
                await transaction.dead_letters.update(
                    counted.id,
                    status=status,
                    attempts=attempts,
                    next_attempt_at=next_attempt_at,
                    failure=failure,
                )
        alarms = status is Status.DEAD or attempts >= self._policy.retry.alarm_after
        tell = log.error if alarms else log.warning
        tell("retry_failed", consumer=self.name, dead_letter=str(counted.id), attempts=attempts, exc_info=error)
        return failure
