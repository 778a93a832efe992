"""Dead letters of one consumer, in memory."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from waypost.kernel.audit_context import AuditContext
from waypost.memory.database import MemoryTransaction
from waypost.memory.key_order import dead_letters_of, in_key_order, is_in_key_order
from waypost.memory.parked_keys import MemoryParkedKeys
from waypost.ports.dead_letters import OPEN, DeadLetter, DeadLetterStatus, Failure, ParkedKey, Tally


class MemoryDeadLetters:
    """`waypost.ports.dead_letters.DeadLetters` inside one open transaction."""

    def __init__(self, transaction: MemoryTransaction, consumer: str) -> None:
        self._tables = transaction.tables
        self._consumer = consumer
        self._now = transaction.tables.begun_at
        self._parked_keys = MemoryParkedKeys(transaction, consumer)

    async def waiting_versions(self, topic: str, keys: Iterable[bytes]) -> Mapping[bytes, frozenset[int]]:
        waiting: dict[bytes, set[int]] = {}
        for key in keys:
            for dead_letter in self._unhandled(ParkedKey(topic, key)):
                if dead_letter.sequence is not None:
                    waiting.setdefault(key, set()).add(dead_letter.sequence)
        return {key: frozenset(sequences) for key, sequences in waiting.items()}

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
        blocked = {
            (dead_letter.record.topic, dead_letter.key) for dead_letter in failed if is_in_key_order(dead_letter)
        }
        waiting = [dead_letter for dead_letter in self._own() if dead_letter.status is DeadLetterStatus.WAITING]
        behind = [dead_letter for dead_letter in waiting if (dead_letter.record.topic, dead_letter.key) in blocked]
        return min(len(failed) + len(behind), at_most)

    async def first(self, parked: ParkedKey, above: int) -> DeadLetter | None:
        for dead_letter in self._unhandled(parked):
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

    async def _schedule_key_of(self, dead_letter: DeadLetter) -> None:
        if dead_letter.key is not None:
            await self._parked_keys.schedule_key(ParkedKey(dead_letter.record.topic, dead_letter.key))

    def _own(self) -> Sequence[DeadLetter]:
        return dead_letters_of(self._tables, self._consumer)

    def _unhandled(self, key: ParkedKey) -> Sequence[DeadLetter]:
        """Dead letters of the key whose versions the guard has not counted, in order."""
        return in_key_order(self._tables, self._consumer, key, (*OPEN, DeadLetterStatus.DISCARDED))
