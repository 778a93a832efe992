"""Letters and parked keys of one consumer in memory."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from waypost.kernel.mandate import Mandate
from waypost.memory.database import MemoryTransaction
from waypost.ports.dead_letters import OPEN, VERSION_CONFLICT, Failure, Letter, ParkedKey, Status, Tally


class MemoryDeadLetters:
    """`waypost.ports.dead_letters.DeadLetters` inside one open transaction. Those come one at a time here: every lock is had at once."""

    def __init__(self, transaction: MemoryTransaction, consumer: str) -> None:
        self._tables = transaction.tables
        self._consumer = consumer

    async def parked(self, topic: str, keys: Iterable[bytes]) -> frozenset[bytes]:
        return frozenset(key for key in keys if self._is_parked(ParkedKey(topic, key)))

    async def held(self, topic: str, keys: Iterable[bytes]) -> Mapping[bytes, frozenset[int]]:
        held: dict[bytes, set[int]] = {}
        for key in keys:
            for letter in self._line(ParkedKey(topic, key), (*OPEN, Status.DISCARDED)):
                if letter.sequence is not None:
                    held.setdefault(key, set()).add(letter.sequence)
        return {key: frozenset(sequences) for key, sequences in held.items()}

    async def park(self, topic: str, keys: Iterable[bytes]) -> None:
        for key in keys:
            self._tables.parked.setdefault((self._consumer, ParkedKey(topic, key)), len(self._tables.parked))

    async def keep(self, letters: Sequence[Letter]) -> None:
        known = {letter.event_id for letter in self._mine()}
        for letter in letters:
            if letter.event_id not in known:
                known.add(letter.event_id)
                self._tables.letters[letter.id] = (self._consumer, letter)

    async def due(self, now: datetime, limit: int) -> Sequence[ParkedKey]:
        parked = [key for consumer, key in self._tables.parked if consumer == self._consumer]
        return [key for key in parked if self._is_due(key, now)][:limit]

    async def tally(self) -> Tally:
        counts = Counter(letter.status for letter in self._mine())
        parked = sum(consumer == self._consumer for consumer, _ in self._tables.parked)
        return Tally(parked_keys=parked, letters={status: counts[status] for status in OPEN})

    async def open_letters(self, at_most: int) -> int:
        return min(sum(letter.status in OPEN for letter in self._mine()), at_most)

    async def failed_letters(self, at_most: int) -> int:
        failed = [letter for letter in self._mine() if letter.status in (Status.RETRYING, Status.DEAD)]
        blocked = {(letter.record.topic, letter.key) for letter in failed if _in_line(letter)}
        waiting = [letter for letter in self._mine() if letter.status is Status.WAITING]
        behind = [letter for letter in waiting if (letter.record.topic, letter.key) in blocked]
        return min(len(failed) + len(behind), at_most)

    async def lock(self, parked: ParkedKey, *, wait: bool = False) -> bool:
        return self._is_parked(parked)

    async def first(self, parked: ParkedKey, above: int) -> Letter | None:
        for letter in self._line(parked, (*OPEN, Status.DISCARDED)):
            if letter.sequence is None and letter.status is not Status.DISCARDED:
                return letter
            if letter.sequence is not None and letter.sequence > above:
                return letter
        return None

    async def find(self, letter_id: UUID) -> Letter | None:
        consumer, letter = self._tables.letters.get(letter_id, (None, None))
        return letter if consumer == self._consumer else None

    async def begin(self, letter: Letter, *, next_attempt_at: datetime, mandate: Mandate | None = None) -> Letter:
        stays_dead = mandate is not None and letter.status is Status.DEAD
        begun = replace(
            letter,
            status=Status.DEAD if stays_dead else Status.RETRYING,
            attempts=letter.attempts + 1,
            unfinished=letter.unfinished + 1,
            redrives=letter.redrives + (mandate is not None),
            next_attempt_at=next_attempt_at,
        )
        self._tables.letters[letter.id] = (self._consumer, begun)
        return begun

    async def take_back(self, before: Letter) -> None:
        self._tables.letters[before.id] = (self._consumer, before)

    async def update(
        self,
        letter_id: UUID,
        *,
        status: Status,
        attempts: int,
        next_attempt_at: datetime | None = None,
        failure: Failure | None = None,
    ) -> None:
        letter = await self.find(letter_id)
        if letter is not None:
            changed = replace(
                letter,
                status=status,
                attempts=attempts,
                unfinished=0,
                next_attempt_at=next_attempt_at,
                failure=failure or letter.failure,
            )
            self._tables.letters[letter_id] = (self._consumer, changed)

    async def discard(self, letter: Letter, mandate: Mandate) -> None:
        """There is no audit in memory."""
        await self.update(letter.id, status=Status.DISCARDED, attempts=letter.attempts)

    async def unpark(self, parked: ParkedKey) -> None:
        self._tables.parked.pop((self._consumer, parked), None)

    def _is_parked(self, key: ParkedKey) -> bool:
        return (self._consumer, key) in self._tables.parked

    def _is_due(self, key: ParkedKey, now: datetime) -> bool:
        line = self._line(key, OPEN)
        if not line:
            return True
        first = line[0]
        return first.status is not Status.DEAD and (first.next_attempt_at is None or first.next_attempt_at <= now)

    def _mine(self) -> list[Letter]:
        return [letter for consumer, letter in self._tables.letters.values() if consumer == self._consumer]

    def _line(self, key: ParkedKey, statuses: Sequence[Status]) -> list[Letter]:
        """Those of the key that wait for their turn, the first of them first."""
        line = [
            letter
            for letter in self._mine()
            if (letter.record.topic, letter.key) == (key.topic, key.key)
            and letter.status in statuses
            and _in_line(letter)
        ]
        return sorted(line, key=lambda letter: (letter.sequence or 0, letter.record.offset))


def _in_line(letter: Letter) -> bool:
    conflicts = letter.failure is not None and letter.failure.error_class == VERSION_CONFLICT
    return letter.type is not None and not conflicts
