"""Works a parked key off: its letters in version order, through the same handlers, until one fails or none is left."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import structlog

from shared.engine.consumer.batch import Batch
from shared.engine.consumer.effects import Effects
from shared.engine.consumer.message import Message, Reader
from shared.engine.consumer.policy import ConsumerPolicy
from shared.engine.retry import failure_of
from shared.engine.retry.failure import PROCESS_DIED, waits_for_another_topic
from shared.kernel.clock import Clock
from shared.ports.dead_letters import Letter, ParkedKey, Status
from shared.ports.intake import Intake, Intakes
from shared.ports.subscription import Partition
from shared.telemetry import metrics

log = structlog.get_logger()


class Outcome(StrEnum):
    HANDLED = "handled"
    FAILED = "failed"
    UNPARKED = "unparked"
    """Nothing waits any more: the key flows."""
    BUSY = "busy"
    """Somebody else works it off, or it is not parked."""
    DEAD = "dead"
    """Its first letter has used up its tries."""
    GAP = "gap"
    """A version is missing before its first letter."""
    LATER = "later"
    """Its first letter is not due yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of one letter; without one, why the key's work ended."""

    outcome: Outcome
    letter: Letter | None = None


class Drain:
    """One consumer's. Every transaction locks the parked row before anything else: so does a consumer before it touches a row."""

    def __init__(
        self, name: str, intakes: Intakes, reader: Reader, effects: Effects, policy: ConsumerPolicy, clock: Clock
    ) -> None:
        self._name = name
        self._intakes = intakes
        self._reader = reader
        self._effects = effects
        self._policy = policy
        self._clock = clock

    async def due(self, limit: int) -> Sequence[ParkedKey]:
        async with self._intakes.begin(()) as intake:
            return await intake.letters.due(self._clock.now(), limit)

    async def find(self, letter_id: UUID) -> Letter | None:
        async with self._intakes.begin(()) as intake:
            return await intake.letters.find(letter_id)

    async def tell_metrics(self) -> None:
        async with self._intakes.begin(()) as intake:
            tally = await intake.letters.tally()
        metrics.CONSUMER_PARKED_KEYS.labels(self._name).set(tally.parked_keys)
        for status, count in tally.letters.items():
            metrics.CONSUMER_LETTERS.labels(self._name, status).set(count)

    async def work_off(self, parked: ParkedKey, *, redrive: bool = False) -> Sequence[Attempt]:
        """Until the key flows, a letter fails, or there is nothing to be done now. `redrive` tries dead letters too, and does not wait.

        Raises Transient where the database is away; what was counted stays counted.
        """
        attempts: list[Attempt] = []
        while True:
            attempts.append(await self._attempt(parked, redrive=redrive))
            if attempts[-1].outcome is not Outcome.HANDLED:
                return attempts

    async def _attempt(self, parked: ParkedKey, *, redrive: bool) -> Attempt:
        counted = await self._count(parked, redrive=redrive)
        if isinstance(counted, Outcome):
            return Attempt(outcome=counted)
        metrics.CONSUMER_RETRIES.labels(self._name).inc()
        try:
            outcome = await self._handle(parked, counted)
        except Exception as error:  # noqa: BLE001 - a handler may raise anything
            outcome = Outcome.FAILED
            await self._record_failure(parked, counted, error)
        return Attempt(outcome=outcome, letter=counted)

    async def _count(self, parked: ParkedKey, *, redrive: bool) -> Letter | Outcome:
        """Counts the attempt in a transaction of its own: a letter whose handler ends the process must not be tried for ever."""
        async with self._intakes.begin(()) as intake:
            if not await intake.letters.lock(parked):
                return Outcome.BUSY
            reached = await self._pass_discarded(parked, intake)
            letter = await intake.letters.first(parked, reached)
            if letter is None:
                await intake.letters.unpark(parked)
                return Outcome.UNPARKED
            if letter.sequence not in (None, reached + 1):
                await self._look_later(letter, intake)
                return Outcome.GAP
            return await self._begin(letter, intake, redrive=redrive)

    async def _begin(self, letter: Letter, intake: Intake, *, redrive: bool) -> Letter | Outcome:
        now, retry = self._clock.now(), self._policy.retry
        if not redrive:
            if letter.status is Status.DEAD:
                return Outcome.DEAD
            if letter.next_attempt_at is not None and letter.next_attempt_at > now:
                return Outcome.LATER
            if letter.attempts >= retry.tries and not (letter.failure and waits_for_another_topic(letter.failure)):
                # Every failure of a living process is recorded, and the last one makes the letter dead: this one's process has died.
                await intake.letters.update(
                    letter.id, status=Status.DEAD, attempts=letter.attempts, failure=PROCESS_DIED
                )
                return Outcome.DEAD
        counted = replace(letter, status=Status.RETRYING, attempts=letter.attempts + 1)
        await intake.letters.update(
            letter.id,
            status=counted.status,
            attempts=counted.attempts,
            redriven=redrive,
            next_attempt_at=now + timedelta(seconds=retry.pause_seconds(counted.attempts)),
        )
        return counted

    async def _handle(self, parked: ParkedKey, counted: Letter) -> Outcome:
        """The letter's change of status and its handler's effects, together. Raises what the handler raises."""
        message = self._reader.read(counted.record)
        if message.poison is not None:
            raise message.poison
        batch = _batch_of(message)
        async with self._intakes.begin(batch.tenants) as intake:
            if not await self._still_ours(parked, counted, intake):
                return Outcome.BUSY
            await intake.letters.update(counted.id, status=Status.REDRIVEN, attempts=counted.attempts)
            if message.sequence is not None:
                await intake.inbox.advance(parked.topic, {message.aggregate_id: message.sequence})
            if await intake.letters.first(parked, message.sequence or 0) is None:
                await intake.letters.unpark(parked)
            if message.wanted:
                async with asyncio.timeout(self._policy.handler_seconds):
                    await self._effects.run([message], batch, intake)
        for follow_up in batch.after_commit:
            follow_up()
        return Outcome.HANDLED

    async def _record_failure(self, parked: ParkedKey, counted: Letter, error: Exception) -> None:
        failure = failure_of(error)
        status, next_attempt_at = self._policy.retry.verdict(failure, counted.attempts, self._clock.now())
        async with self._intakes.begin(()) as intake:
            if await self._still_ours(parked, counted, intake):
                await intake.letters.update(
                    counted.id,
                    status=status,
                    attempts=counted.attempts,
                    next_attempt_at=next_attempt_at,
                    failure=failure,
                )
        alarms = status is Status.DEAD or counted.attempts >= self._policy.retry.alarm_after
        tell = log.error if alarms else log.warning
        tell("retry_failed", consumer=self._name, letter=str(counted.id), attempts=counted.attempts, exc_info=error)

    async def _pass_discarded(self, parked: ParkedKey, intake: Intake) -> int:
        """The guard's version, moved past the letters that were given up and whose turn it is."""
        aggregate_id = _aggregate_of(parked)
        if aggregate_id is None:
            return 0
        reached = (await intake.inbox.versions(parked.topic, [aggregate_id])).get(aggregate_id, 0)
        while (letter := await intake.letters.first(parked, reached)) and letter.status is Status.DISCARDED:
            if letter.sequence != reached + 1:
                break
            reached += 1
            await intake.inbox.advance(parked.topic, {aggregate_id: reached})
        return reached

    async def _look_later(self, letter: Letter, intake: Intake) -> None:
        later = self._clock.now() + timedelta(seconds=self._policy.retry.first_seconds)
        await intake.letters.update(letter.id, status=letter.status, attempts=letter.attempts, next_attempt_at=later)

    async def _still_ours(self, parked: ParkedKey, counted: Letter, intake: Intake) -> bool:
        """Locks again and reads again: between two transactions anything may have happened."""
        if not await intake.letters.lock(parked):
            return False
        now = await intake.letters.find(counted.id)
        return now is not None and (now.status, now.attempts) == (counted.status, counted.attempts)


def _batch_of(message: Message) -> Batch:
    record = message.record
    return Batch(
        partition=Partition(record.topic, record.partition), expected=record.offset, messages=[message], step="retry"
    )


def _aggregate_of(parked: ParkedKey) -> UUID | None:
    """Keys of topics without sequences may be anything."""
    try:
        return UUID(parked.key.decode())
    except ValueError:
        return None
