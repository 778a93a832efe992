"""Dead letters and parked keys of one consumer, in memory."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from waypost.kernel.audit_context import AuditContext
from waypost.memory.database import MemoryTransaction, Schedule
from waypost.ports.dead_letters import OPEN, VERSION_CONFLICT, DeadLetter, DeadLetterStatus, Failure, ParkedKey, Tally

FIRST_LOOK, LAST_LOOK = timedelta(minutes=1), timedelta(days=1)
"""Pauses of a key that waits for a missing version."""


class MemoryDeadLetters:
    """`waypost.ports.dead_letters.DeadLetters` inside one open transaction. A shared lock excludes
    other shared locks too.
    """

    def __init__(self, transaction: MemoryTransaction, consumer: str) -> None:
        self._tables = transaction.tables
        self._consumer = consumer
        self._now = transaction.tables.begun_at

    async def parked(self, topic: str, keys: Iterable[bytes]) -> frozenset[bytes]:
        found = [key for key in sorted(set(keys)) if self._is_parked(ParkedKey(topic, key))]
        for key in found:
            await self._tables.parked.lock((self._consumer, ParkedKey(topic, key)))
        return frozenset(key for key in found if self._is_parked(ParkedKey(topic, key)))

    async def waiting_versions(self, topic: str, keys: Iterable[bytes]) -> Mapping[bytes, frozenset[int]]:
        waiting: dict[bytes, set[int]] = {}
        for key in keys:
            for dead_letter in self._ordered(ParkedKey(topic, key), (*OPEN, DeadLetterStatus.DISCARDED)):
                if dead_letter.sequence is not None:
                    waiting.setdefault(key, set()).add(dead_letter.sequence)
        return {key: frozenset(sequences) for key, sequences in waiting.items()}

    async def park(self, topic: str, keys: Iterable[bytes], *, awaits_version: bool = False) -> None:
        now = self._now
        due_at = now + FIRST_LOOK if awaits_version else now
        for key in sorted(keys):
            row = (self._consumer, ParkedKey(topic, key))
            if row not in self._tables.parked:
                await self._tables.parked.lock(row)
            self._tables.parked.setdefault(row, Schedule(parked_at=now, due_at=due_at, waits=awaits_version))

    async def insert(self, dead_letters: Sequence[DeadLetter]) -> None:
        for dead_letter in dead_letters:
            await self._tables.dead_letters.lock((self._consumer, dead_letter.event_id))
        known = {dead_letter.event_id for dead_letter in self._own()}
        for dead_letter in dead_letters:
            if dead_letter.event_id not in known:
                known.add(dead_letter.event_id)
                self._tables.dead_letters[dead_letter.id] = (self._consumer, dead_letter)

    async def now(self) -> datetime:
        return self._now

    async def schedule(self, topic: str, keys: Iterable[bytes]) -> None:
        for key in keys:
            await self._schedule(ParkedKey(topic, key))

    async def _schedule(self, parked: ParkedKey) -> None:
        first = next(iter(self._ordered(parked, OPEN)), None)
        is_dead = first is not None and first.status is DeadLetterStatus.DEAD
        due_at = self._now + LAST_LOOK if is_dead else (first and first.next_attempt_at) or self._now
        waits = is_dead or bool(first and first.failure and first.failure.uses_no_attempt)
        await self._set_due(parked, due_at, waits=waits)

    async def await_version(self, parked: ParkedKey) -> None:
        if (schedule := self._tables.parked.get((self._consumer, parked))) is not None:
            pause = min(max(self._now - schedule.parked_at, FIRST_LOOK), LAST_LOOK)
            await self._set_due(parked, self._now + pause, waits=True)

    async def _set_due(self, parked: ParkedKey, due_at: datetime, *, waits: bool) -> None:
        row = (self._consumer, parked)
        if self._is_parked(parked):
            await self._tables.parked.lock(row)
        if (schedule := self._tables.parked.get(row)) is not None:
            self._tables.parked[row] = replace(schedule, due_at=due_at, waits=waits)

    async def end_pauses(self) -> None:
        for (consumer, parked), schedule in list(self._tables.parked.items()):
            first = next(iter(self._ordered(parked, OPEN)), None)
            is_dead = first is not None and first.status is DeadLetterStatus.DEAD
            if consumer == self._consumer and schedule.waits and schedule.due_at > self._now and not is_dead:
                await self._set_due(parked, self._now, waits=True)

    async def due(self, limit: int) -> Sequence[ParkedKey]:
        keys = [each for each in self._scheduled() if each[1] <= self._now]
        return [key for _, _, key in sorted(keys, key=lambda each: each[:2])][:limit]

    async def due_in(self) -> timedelta | None:
        return min((due_at - self._now for _, due_at, _ in self._scheduled() if due_at > self._now), default=None)

    def _scheduled(self) -> Iterator[tuple[bool, datetime, ParkedKey]]:
        for (consumer, key), schedule in self._tables.parked.items():
            if consumer == self._consumer:
                yield schedule.waits, schedule.due_at, key

    async def tally(self) -> Tally:
        counts = Counter(dead_letter.status for dead_letter in self._own())
        parked = sum(consumer == self._consumer for consumer, _ in self._tables.parked)
        return Tally(parked_keys=parked, dead_letters={status: counts[status] for status in OPEN})

    async def open_dead_letters(self, at_most: int) -> int:
        return min(sum(dead_letter.status in OPEN for dead_letter in self._own()), at_most)

    async def failed_dead_letters(self, at_most: int) -> int:
        failed = [
            dead_letter
            for dead_letter in self._own()
            if dead_letter.status in (DeadLetterStatus.RETRYING, DeadLetterStatus.DEAD)
        ]
        blocked = {(dead_letter.record.topic, dead_letter.key) for dead_letter in failed if _is_ordered(dead_letter)}
        waiting = [dead_letter for dead_letter in self._own() if dead_letter.status is DeadLetterStatus.WAITING]
        behind = [dead_letter for dead_letter in waiting if (dead_letter.record.topic, dead_letter.key) in blocked]
        return min(len(failed) + len(behind), at_most)

    async def lock(self, parked: ParkedKey, *, wait: bool = False) -> bool:
        if not self._is_parked(parked):
            return False
        row = (self._consumer, parked)
        if wait:
            await self._tables.parked.lock(row)
        return self._tables.parked.try_lock(row) and self._is_parked(parked)

    async def first(self, parked: ParkedKey, above: int) -> DeadLetter | None:
        for dead_letter in self._ordered(parked, (*OPEN, DeadLetterStatus.DISCARDED)):
            if dead_letter.sequence is None and dead_letter.status is not DeadLetterStatus.DISCARDED:
                return dead_letter
            if dead_letter.sequence is not None and dead_letter.sequence > above:
                return dead_letter
        return None

    async def find(self, dead_letter_id: UUID) -> DeadLetter | None:
        consumer, dead_letter = self._tables.dead_letters.get(dead_letter_id, (None, None))
        return dead_letter if consumer == self._consumer else None

    async def begin(
        self, dead_letter: DeadLetter, *, next_attempt_at: datetime, audit_context: AuditContext | None = None
    ) -> DeadLetter:
        await self._tables.dead_letters.lock(dead_letter.id)
        stays_dead = audit_context is not None and dead_letter.status is DeadLetterStatus.DEAD
        started = replace(
            dead_letter,
            status=DeadLetterStatus.DEAD if stays_dead else DeadLetterStatus.RETRYING,
            attempts=dead_letter.attempts + 1,
            unfinished=dead_letter.unfinished + 1,
            redrives=dead_letter.redrives + (audit_context is not None),
            next_attempt_at=next_attempt_at,
        )
        self._tables.dead_letters[dead_letter.id] = (self._consumer, started)
        await self._schedule_key_of(started)
        return started

    async def undo_attempt(self, before: DeadLetter) -> None:
        await self._tables.dead_letters.lock(before.id)
        self._tables.dead_letters[before.id] = (self._consumer, before)
        await self._schedule_key_of(before)

    async def update(
        self,
        dead_letter_id: UUID,
        *,
        status: DeadLetterStatus,
        attempts: int,
        next_attempt_at: datetime | None = None,
        failure: Failure | None = None,
    ) -> None:
        await self._tables.dead_letters.lock(dead_letter_id)
        dead_letter = await self.find(dead_letter_id)
        if dead_letter is not None:
            changed = replace(
                dead_letter,
                status=status,
                attempts=attempts,
                unfinished=0,
                next_attempt_at=next_attempt_at,
                failure=failure or dead_letter.failure,
            )
            self._tables.dead_letters[dead_letter_id] = (self._consumer, changed)
            await self._schedule_key_of(changed)

    async def discard(self, dead_letter: DeadLetter, audit_context: AuditContext) -> None:
        """Without an audit entry: there is no audit in memory."""
        await self.update(dead_letter.id, status=DeadLetterStatus.DISCARDED, attempts=dead_letter.attempts)

    async def adopt(self, dead_letter: DeadLetter, audit_context: AuditContext) -> bool:
        """Without an audit entry, as for a discard."""
        await self._tables.dead_letters.lock(dead_letter.id)
        now = await self.find(dead_letter.id)
        if now is None or now.status not in OPEN:
            return False
        await self.update(dead_letter.id, status=DeadLetterStatus.ADOPTED, attempts=now.attempts)
        return True

    async def unpark(self, parked: ParkedKey) -> None:
        if (self._consumer, parked) in self._tables.deferrals:
            await self._set_due(parked, self._now + FIRST_LOOK, waits=True)
        else:
            self._tables.parked.pop((self._consumer, parked), None)

    def _is_parked(self, key: ParkedKey) -> bool:
        return (self._consumer, key) in self._tables.parked

    async def _schedule_key_of(self, dead_letter: DeadLetter) -> None:
        if dead_letter.key is not None:
            await self._schedule(ParkedKey(dead_letter.record.topic, dead_letter.key))

    def _own(self) -> list[DeadLetter]:
        return [
            dead_letter for consumer, dead_letter in self._tables.dead_letters.values() if consumer == self._consumer
        ]

    def _ordered(self, key: ParkedKey, statuses: Sequence[DeadLetterStatus]) -> list[DeadLetter]:
        """Open dead letters of the key, in order."""
        dead_letters = [
            dead_letter
            for dead_letter in self._own()
            if (dead_letter.record.topic, dead_letter.key) == (key.topic, key.key)
            and dead_letter.status in statuses
            and _is_ordered(dead_letter)
        ]
        return sorted(dead_letters, key=lambda dead_letter: (dead_letter.sequence or 0, dead_letter.record.offset))


def _is_ordered(dead_letter: DeadLetter) -> bool:
    conflicts = dead_letter.failure is not None and dead_letter.failure.error_class == VERSION_CONFLICT
    return dead_letter.type is not None and not conflicts
