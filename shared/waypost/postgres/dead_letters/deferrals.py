"""Deferrals of one consumer on PostgreSQL, inside one open transaction."""

from collections.abc import Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.ids import TenantId
from waypost.ports.dead_letters import ParkedKey
from waypost.ports.deferrals import Deferral, KeyLoad
from waypost.ports.subscription import Partition
from waypost.postgres.dead_letters.rows import IS_OPEN
from waypost.postgres.sql import Sql

# Both counts stop at the limit, so that their cost is bounded.
_LOADS = f"""
select key, deferred_from, (
    select count(*) from (
        select from dead_letters failed
        where failed.consumer = parked.consumer and failed.topic = parked.topic and failed.key_digest = parked.key_digest
          and {IS_OPEN}
        limit $4
    ) as counted
) as dead_letters
from parked_keys parked
where consumer = $1 and topic = $2 and key_digest = any (array(select sha256(wanted) from unnest($3::bytea[]) as wanted))"""

_TENANT_LOADS = f"""
select tenant_id, (
    select count(*) from (
        select from dead_letters where consumer = $1 and tenant_id = wanted.tenant_id and {IS_OPEN} limit $3
    ) as counted
) as dead_letters
from unnest($2::uuid[]) as wanted (tenant_id)"""

# `least` ignores a null.
_DEFER = """
update parked_keys parked set
    partition = deferred.partition, tenant_id = deferred.tenant_id,
    deferred_from = least(parked.deferred_from, deferred.from_offset)
from unnest($2::text[], $3::bytea[], $4::int[], $5::bigint[], $6::uuid[])
    as deferred (topic, key, partition, from_offset, tenant_id)
where parked.consumer = $1 and parked.topic = deferred.topic and parked.key_digest = sha256(deferred.key)"""

_OF_KEY = "consumer = $1 and topic = $2 and key_digest = sha256($3)"
_FIND = f"select partition, deferred_from, tenant_id from parked_keys where {_OF_KEY} and deferred_from is not null"
_ADVANCE = f"update parked_keys set deferred_from = $4 where {_OF_KEY}"
_POSTPONE = f"update parked_keys set due_at = now() + make_interval(secs => $4), waits = true where {_OF_KEY}"

_RESTART = """
update parked_keys set deferred_from = 0
where consumer = $1 and topic = $2 and partition = $3 and deferred_from is not null"""


class PostgresDeferrals:
    """`waypost.ports.deferrals.Deferrals`."""

    def __init__(self, connection: AsyncConnection, consumer: str) -> None:
        self._sql = Sql(connection)
        self._consumer = consumer

    async def loads(self, topic: str, keys: Iterable[bytes], at_most: int) -> Mapping[bytes, KeyLoad]:
        rows = await self._sql.fetch(_LOADS, self._consumer, topic, list(keys), at_most)
        return {row["key"]: KeyLoad(dead_letters=row["dead_letters"], from_offset=row["deferred_from"]) for row in rows}

    async def tenant_loads(self, tenants: Iterable[TenantId], at_most: int) -> Mapping[TenantId, int]:
        rows = await self._sql.fetch(_TENANT_LOADS, self._consumer, list(tenants), at_most)
        return {TenantId(row["tenant_id"]): row["dead_letters"] for row in rows}

    async def defer(self, deferrals: Mapping[bytes, Deferral]) -> None:
        rows = [
            (partition.topic, key, partition.number, from_offset, tenant_id)
            for key, (partition, from_offset, tenant_id) in deferrals.items()
        ]
        await self._sql.execute(_DEFER, self._consumer, *zip(*rows, strict=True))

    async def find(self, parked: ParkedKey) -> Deferral | None:
        row = await self._sql.fetchrow(_FIND, self._consumer, parked.topic, parked.key)
        if row is None:
            return None
        return Deferral(Partition(parked.topic, row["partition"]), row["deferred_from"], TenantId(row["tenant_id"]))

    async def advance(self, parked: ParkedKey, from_offset: int | None) -> None:
        await self._sql.execute(_ADVANCE, self._consumer, parked.topic, parked.key, from_offset)

    async def restart(self, partition: Partition) -> None:
        await self._sql.execute(_RESTART, self._consumer, partition.topic, partition.number)

    async def postpone(self, parked: ParkedKey, seconds: float) -> None:
        await self._sql.execute(_POSTPONE, self._consumer, parked.topic, parked.key, seconds)
