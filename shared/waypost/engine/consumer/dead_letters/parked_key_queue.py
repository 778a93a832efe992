"""The order of dead letters behind a parked key, and the count of their attempts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from waypost.engine.retry import PROCESS_DIED, RetryPolicy
from waypost.kernel.audit_context import AuditContext
from waypost.ports.consumer_transaction import ConsumerTransaction, ConsumerTransactions
from waypost.ports.dead_letters import DeadLetter, DeadLetterStatus, ParkedKey


class ParkedKeyOutcome(StrEnum):
    HANDLED = "handled"
    FAILED = "failed"
    UNPARKED = "unparked"
    """No dead letter is left: later events of the key are handled normally."""
    LOCKED = "locked"
    """Another process holds the key, or the key is not parked."""
    DEAD = "dead"
    """The first dead letter has used its attempts."""
    EXHAUSTED = "exhausted"
    """The first dead letter has reached the limit of redrives: only a redrive by its id, beyond the
    limit, attempts it.
    """
    DEFERRED = "deferred"
    """The next records of the key are on the topic; the consumer stores them when there is
    space.
    """
    VERSION_MISSING = "version_missing"
    """A version is missing before the first dead letter."""
    NOT_DUE = "not_due"
    """The first dead letter is not due yet."""
    PREVENTED = "prevented"
    """A transient error prevented a redrive. It is not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedAttempt:
    """An attempt whose count is committed."""

    dead_letter: DeadLetter
    before: DeadLetter
    """The dead letter before the attempt was counted."""


class ParkedKeyQueue:
    """Selects the next dead letter of a parked key and decides whether it may be attempted now."""

    def __init__(self, transactions: ConsumerTransactions, retry: RetryPolicy) -> None:
        self._transactions = transactions
        self._retry = retry

    async def next(
        self, parked: ParkedKey, audit_context: AuditContext | None, *, beyond_limit: UUID | None = None
    ) -> StartedAttempt | ParkedKeyOutcome:
        """Starts an attempt at the next dead letter, or returns the reason why there is none.

        The count is committed in its own transaction before the handler runs. Otherwise a record
        whose handler ends the process would be attempted without limit.
        """
        async with self._transactions.begin(()) as transaction:
            if not await transaction.parked_keys.lock(parked):
                return ParkedKeyOutcome.LOCKED
            reached = await self._skip_discarded(parked, transaction)
            dead_letter = await transaction.dead_letters.first(parked, reached)
            if dead_letter is None:
                if await transaction.deferrals.find(parked):
                    return ParkedKeyOutcome.DEFERRED
                await transaction.parked_keys.unpark(parked)
                return ParkedKeyOutcome.UNPARKED
            if dead_letter.sequence not in (None, reached + 1):
                await transaction.parked_keys.await_version(parked)
                if await transaction.deferrals.find(parked):
                    return ParkedKeyOutcome.DEFERRED  # the version may be among these records
                return ParkedKeyOutcome.VERSION_MISSING
            if audit_context and dead_letter.id != beyond_limit and dead_letter.redrives >= self._retry.max_redrives:
                return ParkedKeyOutcome.EXHAUSTED
            return await self._begin(parked, dead_letter, transaction, audit_context)

    async def _begin(
        self,
        parked: ParkedKey,
        dead_letter: DeadLetter,
        transaction: ConsumerTransaction,
        audit_context: AuditContext | None,
    ) -> StartedAttempt | ParkedKeyOutcome:
        now = await transaction.dead_letters.now()
        if not audit_context and (blocked_by := await self._blocked_by(dead_letter, transaction, now)):
            # It was due without an attempt that is due, and would be selected again at once.
            await transaction.parked_keys.schedule(parked.topic, [parked.key])
            return blocked_by
        next_attempt_at = now + timedelta(seconds=self._retry.pauses.seconds(dead_letter.attempts + 1))
        counted = await transaction.dead_letters.begin(
            dead_letter, next_attempt_at=next_attempt_at, audit_context=audit_context
        )
        return StartedAttempt(dead_letter=counted, before=dead_letter)

    async def _blocked_by(
        self, dead_letter: DeadLetter, transaction: ConsumerTransaction, now: datetime
    ) -> ParkedKeyOutcome | None:
        if dead_letter.status is DeadLetterStatus.DEAD:
            return ParkedKeyOutcome.DEAD
        if dead_letter.next_attempt_at is not None and dead_letter.next_attempt_at > now:
            return ParkedKeyOutcome.NOT_DUE
        # Some failures use no attempts. Attempts that recorded no end do count, independent of an
        # earlier failure.
        uses_no_attempt = dead_letter.failure is not None and dead_letter.failure.uses_no_attempt
        if (dead_letter.unfinished if uses_no_attempt else dead_letter.attempts) < self._retry.max_attempts:
            return None
        # A running process records every failure, and the last one marks the dead letter as dead.
        # This one is still open, so the process that attempted it has died.
        await transaction.dead_letters.update(
            dead_letter.id, status=DeadLetterStatus.DEAD, attempts=dead_letter.attempts, failure=PROCESS_DIED
        )
        return ParkedKeyOutcome.DEAD

    async def _skip_discarded(self, parked: ParkedKey, transaction: ConsumerTransaction) -> int:
        """The guard's version, advanced past discarded dead letters whose turn it is."""
        aggregate_id = _aggregate_of(parked)
        if aggregate_id is None:
            return 0
        reached = (await transaction.inbox.versions(parked.topic, [aggregate_id])).get(aggregate_id, 0)
        while (
            dead_letter := await transaction.dead_letters.first(parked, reached)
        ) and dead_letter.status is DeadLetterStatus.DISCARDED:
            if dead_letter.sequence != reached + 1:
                break
            reached += 1
            await transaction.inbox.advance(parked.topic, {aggregate_id: reached})
        return reached

    async def undo(self, parked: ParkedKey, started: StartedAttempt) -> None:
        """Restores the dead letter as it was before the attempt, unless another process changed it
        meanwhile. Raises Transient without a database; the attempt then stays counted.
        """
        async with self._transactions.begin(()) as transaction:
            if await self.is_unchanged(parked, started.dead_letter, transaction):
                await transaction.dead_letters.undo_attempt(started.before)

    async def is_empty(self, parked: ParkedKey, reached: int, transaction: ConsumerTransaction) -> bool:
        """Whether no record of the key is left, neither in a dead letter nor deferred."""
        return (
            await transaction.dead_letters.first(parked, reached) is None
            and await transaction.deferrals.find(parked) is None
        )

    async def is_unchanged(self, parked: ParkedKey, counted: DeadLetter, transaction: ConsumerTransaction) -> bool:
        """Whether the dead letter is as it was when the attempt was counted. Locks and reads it
        again, because another process may have changed it between the two transactions.
        """
        # Waits for a consumer that is adding dead letters to this key. To give up here would waste
        # a counted attempt.
        if not await transaction.parked_keys.lock(parked, wait=True):
            return False
        now = await transaction.dead_letters.find(counted.id)
        return now is not None and (now.status, now.attempts) == (counted.status, counted.attempts)


def _aggregate_of(parked: ParkedKey) -> UUID | None:
    """The aggregate id in the key; None for a topic without sequences, whose keys have any form."""
    try:
        return UUID(parked.key.decode())
    except ValueError:
        return None
