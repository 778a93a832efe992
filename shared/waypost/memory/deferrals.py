"""Deferrals of one consumer, in memory."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from waypost.kernel.ids import TenantId
from waypost.memory.database import MemoryTransaction
from waypost.ports.dead_letters import OPEN, DeadLetter, ParkedKey
from waypost.ports.deferrals import Deferral, KeyLoad
from waypost.ports.subscription import Partition


class MemoryDeferrals:
    """`waypost.ports.deferrals.Deferrals` inside one open transaction."""

    def __init__(self, transaction: MemoryTransaction, consumer: str) -> None:
        self._tables = transaction.tables
        self._consumer = consumer

    async def loads(self, topic: str, keys: Iterable[bytes], at_most: int) -> Mapping[bytes, KeyLoad]:
        loads = {}
        for key in keys:
            if (self._consumer, ParkedKey(topic, key)) in self._tables.parked:
                deferral = self._tables.deferrals.get((self._consumer, ParkedKey(topic, key)))
                count = sum((each.record.topic, each.key) == (topic, key) for each in self._open())
                loads[key] = KeyLoad(
                    dead_letters=min(count, at_most), from_offset=deferral.from_offset if deferral else None
                )
        return loads

    async def tenant_loads(self, tenants: Iterable[TenantId], at_most: int) -> Mapping[TenantId, int]:
        of_all = [each.tenant_id for each in self._open()]
        return {tenant: min(of_all.count(tenant), at_most) for tenant in tenants}

    async def defer(self, deferrals: Mapping[bytes, Deferral]) -> None:
        for key, deferral in sorted(deferrals.items()):
            parked = ParkedKey(deferral.partition.topic, key)
            present = await self.find(parked)
            if present is None or deferral.from_offset < present.from_offset:
                await self._store(parked, deferral)

    async def find(self, parked: ParkedKey) -> Deferral | None:
        return self._tables.deferrals.get((self._consumer, parked))

    async def advance(self, parked: ParkedKey, from_offset: int | None) -> None:
        present = await self.find(parked)
        if from_offset is None:
            self._tables.deferrals.pop((self._consumer, parked), None)
        elif present is not None:
            await self._store(parked, present._replace(from_offset=from_offset))

    async def restart(self, partition: Partition) -> None:
        for consumer, parked in list(self._tables.deferrals):
            present = await self.find(parked) if consumer == self._consumer else None
            if present is not None and present.partition == partition:
                await self._store(parked, present._replace(from_offset=0))

    async def postpone(self, parked: ParkedKey, seconds: float) -> None:
        row = (self._consumer, parked)
        if (schedule := self._tables.parked.get(row)) is not None:
            await self._tables.parked.lock(row)
            due_at = self._tables.begun_at + timedelta(seconds=seconds)
            self._tables.parked[row] = replace(schedule, due_at=due_at, waits=True)

    async def _store(self, parked: ParkedKey, deferral: Deferral) -> None:
        await self._tables.parked.lock((self._consumer, parked))
        self._tables.deferrals[self._consumer, parked] = deferral

    def _open(self) -> list[DeadLetter]:
        return [
            dead_letter
            for consumer, dead_letter in self._tables.dead_letters.values()
            if consumer == self._consumer and dead_letter.status in OPEN
        ]
