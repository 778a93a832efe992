"""Whose turn it is in a parked key's line, and the counting of attempts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from waypost.engine.retry import RetryPolicy
from waypost.engine.retry.failure import PROCESS_DIED
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.clock import Clock
from waypost.ports.consumer_transaction import ConsumerTransaction, ConsumerTransactions
from waypost.ports.dead_letters import DeadLetter, ParkedKey, Status


class Outcome(StrEnum):
    HANDLED = "handled"
    FAILED = "failed"
    UNPARKED = "unparked"
    """Nothing waits any more: the key flows."""
    BUSY = "busy"
    """Somebody else works it off, or it is not parked."""
    DEAD = "dead"
    """Its first letter has used up its tries."""
    EXHAUSTED = "exhausted"
    """Its first letter was redriven as often as may be: it stays as it is."""
    GAP = "gap"
    """A version is missing before its first letter."""
    LATER = "later"
    """Its first letter is not due yet."""
    PREVENTED = "prevented"
    """What its first letter needs was not to be had: nothing is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedAttempt:
    """An attempt at a letter, counted."""

    dead_letter: DeadLetter
    before: DeadLetter
    """As it was."""


class ParkedKeyQueue:
    """Whose turn it is behind a parked key, and whether it may be taken now."""

    def __init__(self, transactions: ConsumerTransactions, retry: RetryPolicy, clock: Clock) -> None:
        self._transactions = transactions
        self._retry = retry
        self._clock = clock

    async def next(
        self, parked: ParkedKey, audit_context: AuditContext | None, *, at_once: bool = False
    ) -> StartedAttempt | Outcome:
        """Counts the attempt in a transaction of its own: a letter whose handler ends the process
        must not be tried for ever.
        """
        async with self._transactions.begin(()) as transaction:
            if not await transaction.dead_letters.lock(parked):
                return Outcome.BUSY
            reached = await self._pass_discarded(parked, transaction)
            dead_letter = await transaction.dead_letters.first(parked, reached)
            if dead_letter is None:
                await transaction.dead_letters.unpark(parked)
                return Outcome.UNPARKED
            if dead_letter.sequence not in (None, reached + 1):
                await self._look_later(dead_letter, transaction)
                return Outcome.GAP
            return await self._begin(dead_letter, transaction, audit_context, at_once=at_once)

    async def _begin(
        self,
        dead_letter: DeadLetter,
        transaction: ConsumerTransaction,
        audit_context: AuditContext | None,
        *,
        at_once: bool,
    ) -> StartedAttempt | Outcome:
        now = self._clock.now()
        if audit_context and dead_letter.redrives >= self._retry.max_redrives:
            return Outcome.EXHAUSTED
        if not audit_context and (why_not := await self._why_not(dead_letter, transaction, None if at_once else now)):
            return why_not
        next_attempt_at = now + timedelta(seconds=self._retry.pauses.seconds(dead_letter.attempts + 1))
        counted = await transaction.dead_letters.begin(
            dead_letter, next_attempt_at=next_attempt_at, audit_context=audit_context
        )
        return StartedAttempt(dead_letter=counted, before=dead_letter)

    async def _why_not(
        self, dead_letter: DeadLetter, transaction: ConsumerTransaction, now: datetime | None
    ) -> Outcome | None:
        if dead_letter.status is Status.DEAD:
            return Outcome.DEAD
        if now is not None and dead_letter.next_attempt_at is not None and dead_letter.next_attempt_at > now:
            return Outcome.LATER
        # Waiting for another topic uses up no tries; those that had no end do, whatever was waited
        # for before.
        waits = dead_letter.failure is not None and dead_letter.failure.awaits_topic
        if (dead_letter.unfinished if waits else dead_letter.attempts) < self._retry.tries:
            return None
        # A living process records every failure, and the last one makes the letter dead: the
        # process that tried this one has died.
        await transaction.dead_letters.update(
            dead_letter.id, status=Status.DEAD, attempts=dead_letter.attempts, failure=PROCESS_DIED
        )
        return Outcome.DEAD

    async def _pass_discarded(self, parked: ParkedKey, transaction: ConsumerTransaction) -> int:
        """The guard's version, moved past the letters that were given up and whose turn it is."""
        aggregate_id = _aggregate_of(parked)
        if aggregate_id is None:
            return 0
        reached = (await transaction.inbox.versions(parked.topic, [aggregate_id])).get(aggregate_id, 0)
        while (
            dead_letter := await transaction.dead_letters.first(parked, reached)
        ) and dead_letter.status is Status.DISCARDED:
            if dead_letter.sequence != reached + 1:
                break
            reached += 1
            await transaction.inbox.advance(parked.topic, {aggregate_id: reached})
        return reached

    async def _look_later(self, dead_letter: DeadLetter, transaction: ConsumerTransaction) -> None:
        later = self._clock.now() + timedelta(seconds=self._retry.pauses.first_seconds)
        await transaction.dead_letters.update(
            dead_letter.id, status=dead_letter.status, attempts=dead_letter.attempts, next_attempt_at=later
        )

    async def take_back(self, parked: ParkedKey, begun: StartedAttempt) -> None:
        """Leaves the letter as it was, unless somebody has gone on from there. Raises Transient
        without a database: it stays counted.
        """
        async with self._transactions.begin(()) as transaction:
            if await self.still_ours(parked, begun.dead_letter, transaction):
                await transaction.dead_letters.take_back(begun.before)

    async def still_ours(self, parked: ParkedKey, counted: DeadLetter, transaction: ConsumerTransaction) -> bool:
        """Locks again and reads again: between two transactions anything may have happened."""
        # An attempt that was counted waits for a consumer that is just adding to the line: given
        # up, it would be one fewer of its tries.
        if not await transaction.dead_letters.lock(parked, wait=True):
            return False
        now = await transaction.dead_letters.find(counted.id)
        return now is not None and (now.status, now.attempts) == (counted.status, counted.attempts)


def _aggregate_of(parked: ParkedKey) -> UUID | None:
    """Keys of topics without sequences may be anything."""
    try:
        return UUID(parked.key.decode())
    except ValueError:
        return None
