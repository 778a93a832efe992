"""The relay's access to the outbox: one session holds the advisory locks of the shards, another
reads the pending rows.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.ports.outbox import Backlog, PendingRow, ShardTopic
from waypost.postgres.direct import close_directly, connect_directly
from waypost.postgres.failures import as_transient
from waypost.postgres.outbox.backlog import BACKLOG
from waypost.postgres.outbox.floor import Floor
from waypost.postgres.outbox.standbys import Standbys
from waypost.postgres.sql import Sql

SHARD_LOCK = 0x4F555442  # "OUTB": first half of the lock's name; the second is the shard
SILENT_SECONDS = 3.0
WRITERS_QUERY_SECONDS = 0.1
"""Interval of the query for finished writers, see `waypost.postgres.outbox.floor`."""

# The locking sessions of all relays are found by their application name. A silent one is terminated
# even without shards, because it would count for the distribution of shards. A session with a
# running statement is alive, unless it waits for its client.
_END_SILENT_RELAYS = """
with relay as materialized (
    select pid,
           pid <> pg_backend_pid() and (state <> 'active' or wait_event_type = 'Client')
               and state_change < clock_timestamp() - make_interval(secs => $2) as silent
    from pg_stat_activity
    where datname = current_database() and application_name = $1
)
select count(*) filter (where not silent or not pg_terminate_backend(pid)) from relay"""

# No `order by`: it would try every lock before the limit applies.
_ACQUIRE = """
select shard from unnest($1::int[]) as free (shard) where pg_try_advisory_lock($2, shard) limit $3"""

_RELEASE = "select pg_advisory_unlock($2, shard) from unnest($1::int[]) as surplus (shard)"

# One index range per shard, from its head: 0.5 ms on a backlog of 200,000 rows, where `shard = any
# (...) order by id` takes 29 ms. Rows in flight are excluded by id, because a row that commits late
# would be overtaken by a read above them; each shard's floor is proven to lose none, see
# `waypost.postgres.outbox.floor`. The quarantined keys are read in the same snapshot. The running
# sum limits the bytes of a read; it does not fetch the payloads. The time is a number: its
# conversion by the driver would be half of the cost of a row.
_READ_PENDING = """
select head.shard, id, topic, key, payload, headers, created_ms
from unnest($1::smallint[], $6::bigint[]) as owned (shard, floor)
cross join lateral (
    select shard, id, topic, key, payload, headers::text as headers,
           floor(date_part('epoch', created_at) * 1000)::bigint as created_ms,
           sum(octet_length(payload)) over (order by id rows unbounded preceding) - octet_length(payload) as bytes_before
    from outbox
    where outbox.shard = owned.shard
      and id > owned.floor
      and id not in (select unnest($2::bigint[]))
      and key <> all (array (select quarantined.key from outbox_quarantine as quarantined))
      and (cardinality($3::text[]) = 0 or outbox.shard || ' ' || topic <> all ($3))
    order by id
    limit $4
) as head
where bytes_before < $5"""

# A custom plan would take longer than the read of a few rows. The planner cannot estimate the rows
# above a floor, and would sort the rest of a shard, or compile the plan.
_READING = {"plan_cache_mode": "force_generic_plan", "enable_bitmapscan": "off", "enable_sort": "off", "jit": "off"}

_DELETE = """
delete from outbox
using unnest($1::smallint[], $2::bigint[]) as acknowledged (shard, id)
where outbox.shard = acknowledged.shard and outbox.id = acknowledged.id"""

# Only while the row exists and no other relay holds its shard: that relay may have published the
# row, or quarantines the key itself.
_QUARANTINE = """
insert into outbox_quarantine (shard, key, reason)
select shard, key, $3 from outbox where shard = $1 and id = $2 and pg_try_advisory_xact_lock($4, shard)
on conflict do nothing"""

_RELEASE_KEY = "delete from outbox_quarantine where shard = $1 and key = $2 returning reason"


async def release_from_quarantine(connection: AsyncConnection, shard: int, key: bytes) -> str | None:
    """Releases a key from quarantine, for an operator. Returns the reason of the quarantine, or
    None if the key was not quarantined.

    The relay reads the quarantined keys with every read of pending rows, so it publishes
    the key's rows without a signal.
    """
    reason: str | None = await Sql(connection).fetchval(_RELEASE_KEY, shard, key)
    return reason


class PostgresOutbox:
    """`waypost.ports.outbox.Outbox`. The DSN connects as `<service>_relay`, directly to the server
    and not through a pooler.
    """

    def __init__(
        self,
        dsn: str,
        *,
        application_name: str = "waypost-relay",
        silent_seconds: float = SILENT_SECONDS,
        writers_query_seconds: float = WRITERS_QUERY_SECONDS,
    ) -> None:
        self._dsn = dsn
        self._application_name = application_name
        self._silent_seconds = silent_seconds
        self._writers_query_seconds = writers_query_seconds

    @asynccontextmanager
    async def lease(self) -> AsyncIterator["PostgresOutboxLease"]:
        with as_transient():
            locks = await connect_directly(
                self._dsn,
                application_name=self._application_name,
                # A crash of the server may undo the last deletions. Their records are published
                # again, as after a crash of the relay.
                synchronous_commit="off",
            )
        try:
            with as_transient():
                reading = await connect_directly(
                    self._dsn,
                    application_name=f"{self._application_name}-reading",
                    **_READING,
                )
            try:
                floor = Floor(reading, every_seconds=self._writers_query_seconds)
                with as_transient():
                    standbys = await Standbys.of(reading)
                yield PostgresOutboxLease(locks, reading, floor, standbys, self._application_name, self._silent_seconds)
            finally:
                await close_directly(reading)
        finally:
            await close_directly(locks)

    async def backlog(self) -> Backlog:
        """Opens a session for one query: every few seconds this is cheaper than a permanent
        session.
        """
        with as_transient():
            connection = await connect_directly(self._dsn, application_name=f"{self._application_name}-gauges")
            try:
                row = await connection.fetchrow(BACKLOG)
            finally:
                await close_directly(connection)
        assert row is not None  # noqa: S101 - an aggregate without groups returns one row
        return Backlog(**row)


class PostgresOutboxLease:
    """`waypost.ports.outbox.OutboxLease`. Each session runs one statement at a time, so each has a
    lock.
    """

    def __init__(
        self,
        locks: asyncpg.Connection,
        reading: asyncpg.Connection,
        floor: Floor,
        standbys: Standbys,
        application_name: str,
        silent_seconds: float,
    ) -> None:
        self._locks = locks
        self._reading = reading
        self._floor = floor
        self._standbys = standbys
        self._locks_mutex = asyncio.Lock()
        self._reading_mutex = asyncio.Lock()
        self._relays = (application_name, silent_seconds)

    async def end_silent_relays(self) -> int:
        with as_transient():
            async with self._locks_mutex:
                return int(await self._locks.fetchval(_END_SILENT_RELAYS, *self._relays))

    async def acquire(self, shards: Collection[int], *, at_most: int) -> frozenset[int]:
        with as_transient():
            async with self._locks_mutex:
                rows = await self._locks.fetch(_ACQUIRE, list(shards), SHARD_LOCK, at_most)
        return frozenset(row["shard"] for row in rows)

    async def release(self, shards: Collection[int]) -> None:
        with as_transient():
            async with self._locks_mutex:
                await self._locks.execute(_RELEASE, list(shards), SHARD_LOCK)

    async def read_pending(
        self,
        shards: Collection[int],
        *,
        in_flight: Collection[int],
        held: Collection[ShardTopic],
        rows_per_shard: int,
        bytes_per_shard: int,
    ) -> Sequence[PendingRow]:
        with as_transient():
            async with self._reading_mutex:
                floors = await self._floor.update(shards, in_flight)
                lowest = min(floors, default=0)
                excluded = [row_id for row_id in in_flight if row_id > lowest]
                skipped = [f"{shard} {topic}" for shard, topic in held]
                limits = (rows_per_shard, bytes_per_shard)
                rows = await self._reading.fetch(_READ_PENDING, list(shards), excluded, skipped, *limits, floors)
                if rows:
                    await self._standbys.until_confirmed()
        pending = list(map(PendingRow._make, rows))
        self._floor.record_read(pending, {shard for shard, _ in held})
        return pending

    def put_back(self, rows: Sequence[PendingRow]) -> None:
        self._floor.lower(rows)

    async def delete(self, rows: Sequence[PendingRow]) -> int:
        with as_transient():
            async with self._locks_mutex:
                status = await self._locks.execute(_DELETE, [row.shard for row in rows], [row.id for row in rows])
        self._floor.record_deletion(rows)
        return int(status.removeprefix("DELETE "))

    async def quarantine_key(self, row: PendingRow, reason: str) -> bool:
        with as_transient():
            async with self._locks_mutex:
                self._floor.record_quarantine()
                status = await self._locks.execute(_QUARANTINE, row.shard, row.id, reason, SHARD_LOCK)
        return status != "INSERT 0 0"
