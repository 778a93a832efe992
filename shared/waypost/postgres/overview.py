"""An operator's queries on one service's database: consumer positions, quarantined keys, the
outbox, stored events. Only reads.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from waypost.ports.outbox import Backlog
from waypost.postgres.outbox.backlog import BACKLOG
from waypost.postgres.reads import Reads

_POSITIONS = """
select consumer, topic, partition, next_offset, starts from consumer_offsets where consumer = any ($1::text[])
order by consumer, topic, partition"""

_QUARANTINED = """
select q.shard, q.key, q.reason, q.quarantined_at, count(o.id) as pending
from outbox_quarantine q left join outbox o on o.shard = q.shard and o.key = q.key
group by q.shard, q.key, q.reason, q.quarantined_at order by q.quarantined_at"""

# Counts rows only if the statistics show at least half of the limit: with 500,000 dead rows that an
# old snapshot kept, a count of an empty table took 8 s. The statistics are at most seconds old. A
# crash of the server resets them, so they are used only after a vacuum or an analyze of the table.
# The count stops at the limit, so that its cost is bounded.
PENDING_ROWS = """
select case when coalesce(last_vacuum, last_autovacuum, last_analyze, last_autoanalyze) is not null and n_live_tup < $1 / 2 then n_live_tup
            else (select count(*) from (select from outbox limit $1) as counted) end as count
from pg_stat_user_tables where relid = 'outbox'::regclass"""

# The index is (tenant_id, event_id). PostgreSQL 18 skip-scans the tenants.
_EVENT = """
select tenant_id, aggregate_type, aggregate_id, version, position, type, schema_id, payload, metadata::text as metadata, occurred_at
from events where event_id = $1 limit 1"""

# No index: the outbox is small, or the relay does not run and a second does not matter.
_PENDING = """
select o.shard, o.id, o.created_at, q.reason as quarantine_reason
from outbox o left join outbox_quarantine q on q.shard = o.shard and q.key = o.key
where o.event_id = $1"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The position of a consumer on one partition."""

    consumer: str
    topic: str
    partition: int
    next_offset: int
    starts: int
    """See `ConsumerPosition.starts`. `isolate_after_starts` and `dead_letter_after_starts` of a
    ConsumerPolicy are limits of this number.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedKey:
    """A quarantined key: the relay publishes none of its rows until an operator releases it."""

    shard: int
    key: bytes
    reason: str
    quarantined_at: datetime
    pending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEvent:
    """An event whose record the broker has not acknowledged."""

    shard: int
    id: int
    created_at: datetime
    quarantine_reason: str | None
    """The reason why the key is quarantined. None if the key is not quarantined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEventRow:
    """A row of the event store, payload still encoded."""

    tenant_id: UUID
    aggregate_type: str
    aggregate_id: UUID
    version: int
    position: int
    type: str
    schema_id: int
    payload: bytes
    metadata: Mapping[str, str]
    occurred_at: datetime
    pending: PendingEvent | None
    """None if the event is published."""


async def positions(database: Reads, consumers: Sequence[str]) -> Sequence[Position]:
    """Positions of the consumers. A partition that was never read has none."""
    return [Position(**row) for row in await database.fetch(_POSITIONS, list(consumers))]


async def quarantined_keys(database: Reads) -> Sequence[QuarantinedKey]:
    """The quarantined keys, the oldest first."""
    return [QuarantinedKey(**row) for row in await database.fetch(_QUARANTINED)]


async def backlog_of(database: Reads) -> Backlog:
    (row,) = await database.fetch(BACKLOG)
    return Backlog(**row)


async def outbox_rows(database: Reads, at_most: int) -> int:
    """Number of outbox rows, including rows of quarantined keys, up to `at_most`. Below half of
    `at_most` the number is approximate.
    """
    (row,) = await database.fetch(PENDING_ROWS, at_most)
    return int(row["count"])


async def stored_event(owner: Reads, event_id: UUID) -> StoredEventRow | None:
    """The event of any tenant. Requires the owner, the only role that reads the events of all
    tenants.
    """
    for event in await owner.fetch(_EVENT, event_id):
        pending = [PendingEvent(**row) for row in await owner.fetch(_PENDING, event_id)]
        return StoredEventRow(
            **{**event, "metadata": json.loads(event["metadata"])},
            pending=pending[0] if pending else None,
        )
    return None
