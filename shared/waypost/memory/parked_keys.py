"""Parked keys of one consumer, in memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from waypost.memory.database import MemoryTransaction, Schedule
from waypost.memory.key_order import in_key_order
from waypost.ports.dead_letters import OPEN, DeadLetter, DeadLetterStatus, ParkedKey

FIRST_LOOK, LAST_LOOK = timedelta(minutes=1), timedelta(days=1)
"""Pauses of a key that waits for a missing version."""


class MemoryParkedKeys:
    """`waypost.ports.parked_keys.ParkedKeys` inside one open transaction. A shared lock excludes
    other shared locks too.
    """

    def __init__(self, transaction: MemoryTransaction, consumer: str) -> None:
        self._tables = transaction.tables
        self._consumer = consumer
        self._now = transaction.tables.begun_at

    async def parked(self, topic: str, keys: Iterable[bytes]) -> frozenset[bytes]:
        parked = [key for key in sorted(set(keys)) if self._is_parked(ParkedKey(topic, key))]
        for key in parked:
            await self._tables.parked.lock((self._consumer, ParkedKey(topic, key)))
        return frozenset(key for key in parked if self._is_parked(ParkedKey(topic, key)))

    async def park(self, topic: str, keys: Iterable[bytes], *, awaits_version: bool = False) -> None:
        now = self._now
        due_at = now + FIRST_LOOK if awaits_version else now
        for key in sorted(keys):
            row = (self._consumer, ParkedKey(topic, key))
            if row not in self._tables.parked:
                await self._tables.parked.lock(row)
            self._tables.parked.setdefault(row, Schedule(parked_at=now, due_at=due_at, waits=awaits_version))

    async def schedule(self, topic: str, keys: Iterable[bytes]) -> None:
        for key in keys:
            await self.schedule_key(ParkedKey(topic, key))

    async def await_version(self, parked: ParkedKey) -> None:
        if (schedule := self._tables.parked.get((self._consumer, parked))) is not None:
            pause = min(max(self._now - schedule.parked_at, FIRST_LOOK), LAST_LOOK)
            await self._set_due(parked, self._now + pause, waits=True)

    async def end_pauses(self) -> None:
        for (consumer, parked), schedule in list(self._tables.parked.items()):
            first = self._first(parked)
            is_dead = first is not None and first.status is DeadLetterStatus.DEAD
            if consumer == self._consumer and schedule.waits and schedule.due_at > self._now and not is_dead:
                await self._set_due(parked, self._now, waits=True)

    async def due(self, limit: int) -> Sequence[ParkedKey]:
        due = [row for row in self._scheduled() if row[1] <= self._now]
        return [key for _, _, key in sorted(due, key=lambda row: row[:2])][:limit]

    async def due_in(self) -> timedelta | None:
        return min((due_at - self._now for _, due_at, _ in self._scheduled() if due_at > self._now), default=None)

    async def lock(self, parked: ParkedKey, *, wait: bool = False) -> bool:
        if not self._is_parked(parked):
            return False
        row = (self._consumer, parked)
        if wait:
            await self._tables.parked.lock(row)
        return self._tables.parked.try_lock(row) and self._is_parked(parked)

    async def unpark(self, parked: ParkedKey) -> None:
        if (self._consumer, parked) in self._tables.deferrals:
            await self._set_due(parked, self._now + FIRST_LOOK, waits=True)
        else:
            self._tables.parked.pop((self._consumer, parked), None)

    async def schedule_key(self, parked: ParkedKey) -> None:
        """`schedule` for one key."""
        first = self._first(parked)
        is_dead = first is not None and first.status is DeadLetterStatus.DEAD
        due_at = self._now + LAST_LOOK if is_dead else (first and first.next_attempt_at) or self._now
        waits = is_dead or bool(first and first.failure and first.failure.uses_no_attempt)
        await self._set_due(parked, due_at, waits=waits)

    async def _set_due(self, parked: ParkedKey, due_at: datetime, *, waits: bool) -> None:
        row = (self._consumer, parked)
        if self._is_parked(parked):
            await self._tables.parked.lock(row)
        if (schedule := self._tables.parked.get(row)) is not None:
            self._tables.parked[row] = replace(schedule, due_at=due_at, waits=waits)

    def _scheduled(self) -> Iterator[tuple[bool, datetime, ParkedKey]]:
        for (consumer, key), schedule in self._tables.parked.items():
            if consumer == self._consumer:
                yield schedule.waits, schedule.due_at, key

    def _is_parked(self, key: ParkedKey) -> bool:
        return (self._consumer, key) in self._tables.parked

    def _first(self, parked: ParkedKey) -> DeadLetter | None:
        return next(iter(in_key_order(self._tables, self._consumer, parked, OPEN)), None)
