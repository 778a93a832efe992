"""Whose turn it is in a parked key's line, and the counting of attempts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from waypost.engine.retry import RetryPolicy
from waypost.engine.retry.failure import PROCESS_DIED
from waypost.kernel.clock import Clock
from waypost.kernel.mandate import Mandate
from waypost.ports.dead_letters import Letter, ParkedKey, Status
from waypost.ports.intake import Intake, Intakes


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
class Begun:
    """An attempt at a letter, counted."""

    letter: Letter
    before: Letter
    """As it was."""


class Turns:
    """Whose turn it is behind a parked key, and whether it may be taken now."""

    def __init__(self, intakes: Intakes, retry: RetryPolicy, clock: Clock) -> None:
        self._intakes = intakes
        self._retry = retry
        self._clock = clock

    async def next(self, parked: ParkedKey, mandate: Mandate | None, *, at_once: bool = False) -> Begun | Outcome:
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
            return await self._begin(letter, intake, mandate, at_once=at_once)

    async def _begin(
        self, letter: Letter, intake: Intake, mandate: Mandate | None, *, at_once: bool
    ) -> Begun | Outcome:
        now = self._clock.now()
        if mandate and letter.redrives >= self._retry.max_redrives:
            return Outcome.EXHAUSTED
        if not mandate and (why_not := await self._why_not(letter, intake, None if at_once else now)):
            return why_not
        next_attempt_at = now + timedelta(seconds=self._retry.pauses.seconds(letter.attempts + 1))
        counted = await intake.letters.begin(letter, next_attempt_at=next_attempt_at, mandate=mandate)
        return Begun(letter=counted, before=letter)

    async def _why_not(self, letter: Letter, intake: Intake, now: datetime | None) -> Outcome | None:
        if letter.status is Status.DEAD:
            return Outcome.DEAD
        if now is not None and letter.next_attempt_at is not None and letter.next_attempt_at > now:
            return Outcome.LATER
        # Waiting for another topic uses up no tries; those that had no end do, whatever was waited for before.
        waits = letter.failure is not None and letter.failure.awaits_topic
        if (letter.unfinished if waits else letter.attempts) < self._retry.tries:
            return None
        # A living process records every failure, and the last one makes the letter dead: the process that tried this one has died.
        await intake.letters.update(letter.id, status=Status.DEAD, attempts=letter.attempts, failure=PROCESS_DIED)
        return Outcome.DEAD

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
        later = self._clock.now() + timedelta(seconds=self._retry.pauses.first_seconds)
        await intake.letters.update(letter.id, status=letter.status, attempts=letter.attempts, next_attempt_at=later)

    async def take_back(self, parked: ParkedKey, begun: Begun) -> None:
        """Leaves the letter as it was, unless somebody has gone on from there. Raises Transient without a database: it stays counted."""
        async with self._intakes.begin(()) as intake:
            if await self.still_ours(parked, begun.letter, intake):
                await intake.letters.take_back(begun.before)

    async def still_ours(self, parked: ParkedKey, counted: Letter, intake: Intake) -> bool:
        """Locks again and reads again: between two transactions anything may have happened."""
        # An attempt that was counted waits for a consumer that is just adding to the line: given up, it would be one fewer of its tries.
        if not await intake.letters.lock(parked, wait=True):
            return False
        now = await intake.letters.find(counted.id)
        return now is not None and (now.status, now.attempts) == (counted.status, counted.attempts)


def _aggregate_of(parked: ParkedKey) -> UUID | None:
    """Keys of topics without sequences may be anything."""
    try:
        return UUID(parked.key.decode())
    except ValueError:
        return None
