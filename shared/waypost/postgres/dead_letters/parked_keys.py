"""Parked keys of one consumer on PostgreSQL, inside one open transaction."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.ports.dead_letters import ParkedKey
from waypost.postgres.dead_letters.due_keys import (
    AWAIT_VERSION,
    DIGESTS,
    DUE,
    DUE_IN,
    END_PAUSES,
    FIRST_LOOK,
    SCHEDULE_KEYS,
)
from waypost.postgres.dead_letters.rows import as_not_storable
from waypost.postgres.sql import Sql

# A separate statement after the claim: it must see the commit of the transaction that the claim
# waited for. FOR SHARE excludes a concurrent redrive of the key. The redrive locks the parked row
# first, so that the two cannot deadlock.
_PARKED = f"select key from parked_keys where consumer = $1 and topic = $2 and key_digest = any ({DIGESTS}) for share"

_PARK = f"""
insert into parked_keys (consumer, topic, key, due_at, waits)
select $1, $2, key, case when $4 then now() + {FIRST_LOOK} else now() end, $4 from unnest($3::bytea[]) as parked (key)
on conflict do nothing"""

_LOCK = "select 1 from parked_keys where consumer = $1 and topic = $2 and key_digest = sha256($3) for update"
_LOCK_AT_ONCE = f"{_LOCK} skip locked"

_UNPARK = "delete from parked_keys where consumer = $1 and topic = $2 and key_digest = sha256($3)"


class PostgresParkedKeys:
    """`waypost.ports.parked_keys.ParkedKeys`."""

    def __init__(self, connection: AsyncConnection, consumer: str) -> None:
        self._sql = Sql(connection)
        self._consumer = consumer

    async def parked(self, topic: str, keys: Iterable[bytes]) -> frozenset[bytes]:
        return frozenset(row["key"] for row in await self._sql.fetch(_PARKED, self._consumer, topic, list(keys)))

    async def park(self, topic: str, keys: Iterable[bytes], *, awaits_version: bool = False) -> None:
        with as_not_storable():
            await self._sql.execute(_PARK, self._consumer, topic, list(keys), awaits_version)

    async def schedule(self, topic: str, keys: Iterable[bytes]) -> None:
        await self._sql.execute(SCHEDULE_KEYS, self._consumer, topic, list(keys))

    async def await_version(self, parked: ParkedKey) -> None:
        await self._sql.execute(AWAIT_VERSION, self._consumer, parked.topic, parked.key)

    async def end_pauses(self) -> None:
        await self._sql.execute(END_PAUSES, self._consumer)

    async def due(self, limit: int) -> Sequence[ParkedKey]:
        return [ParkedKey(*row) for row in await self._sql.fetch(DUE, self._consumer, limit)]

    async def due_in(self) -> timedelta | None:
        due_in: timedelta | None = await self._sql.fetchval(DUE_IN, self._consumer)
        return due_in

    async def lock(self, parked: ParkedKey, *, wait: bool = False) -> bool:
        return (
            await self._sql.fetchval(_LOCK if wait else _LOCK_AT_ONCE, self._consumer, parked.topic, parked.key)
            is not None
        )

    async def unpark(self, parked: ParkedKey) -> None:
        await self._sql.execute(_UNPARK, self._consumer, parked.topic, parked.key)
