"""What an operator asks of one service's database: where consumers stand, what is held back, where
an event lies. Reads only.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from waypost.ports.outbox import Backlog
from waypost.postgres.database import Database
from waypost.postgres.outbox.lease import BACKLOG

_POSITIONS = """
select consumer, topic, partition, next_offset, starts from consumer_offsets where consumer = any ($1::text[])
order by consumer, topic, partition"""

_MARKED = """
select q.shard, q.key, q.reason, q.marked_at, count(o.id) as pending
from outbox_quarantine q left join outbox o on o.shard = q.shard and o.key = q.key
group by q.shard, q.key, q.reason, q.marked_at order by q.marked_at"""

# Counted only where it may be close: with 500,000 dead rows that a reader holds in place, a count
# of none took 8 s. The statistics are at most seconds old. A crash of the server empties them: they
# are believed once a vacuum or an analyze has looked at the table itself. No further than the cap:
# a look at a backlog of millions costs what a look at the cap does.
PENDING_ROWS = """
select case when coalesce(last_vacuum, last_autovacuum, last_analyze, last_autoanalyze) is not null and n_live_tup < $1 / 2 then n_live_tup
            else (select count(*) from (select from outbox limit $1) as counted) end as count
from pg_stat_user_tables where relid = 'outbox'::regclass"""

# The index is (tenant_id, event_id): PostgreSQL 18 skips from tenant to tenant in it.
_EVENT = """
select tenant_id, aggregate_type, aggregate_id, version, position, type, schema_id, payload, metadata::text as metadata, occurred_at
from events where event_id = $1 limit 1"""

# No index: what is pending is little, or the relay is away and a second does not matter.
_PENDING = """
select o.shard, o.id, o.created_at, q.reason as held_back
from outbox o left join outbox_quarantine q on q.shard = o.shard and q.key = o.key
where o.event_id = $1"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a consumer stands on one partition."""

    consumer: str
    topic: str
    partition: int
    next_offset: int
    starts: int
    """Of the partition's task since it last moved on; what `careful_from` and `suspect_from` of a
    ConsumerPolicy count.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedKey:
    """A key that the relay has set aside: none of its rows is published until the mark is taken
    away.
    """

    shard: int
    key: bytes
    reason: str
    marked_at: datetime
    pending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEvent:
    """An event whose record the broker has not acknowledged."""

    shard: int
    id: int
    created_at: datetime
    held_back: str | None
    """Why its key is marked."""


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
    """None once it was published."""


async def positions(database: Database, consumers: Sequence[str]) -> Sequence[Position]:
    """A partition that was never read has none."""
    return [Position(**row) for row in await database.fetch(_POSITIONS, list(consumers))]


async def quarantined_keys(database: Database) -> Sequence[QuarantinedKey]:
    """The one that has waited longest first."""
    return [QuarantinedKey(**row) for row in await database.fetch(_MARKED)]


async def backlog_of(database: Database) -> Backlog:
    (row,) = await database.fetch(BACKLOG)
    return Backlog(**row)


async def outbox_rows(database: Database, at_most: int) -> int:
    """Rows that wait, those of marked keys as well; about as many where it is less than half."""
    (row,) = await database.fetch(PENDING_ROWS, at_most)
    return int(row["count"])


async def stored_event(owner: Database, event_id: UUID) -> StoredEventRow | None:
    """The event, whoever's it is. As the owner: the one role that sees the events of all tenants."""
    for row in await owner.fetch(_EVENT, event_id):
        pending = [PendingEvent(**each) for each in await owner.fetch(_PENDING, event_id)]
        return StoredEventRow(
            **{**row, "metadata": json.loads(row["metadata"])},
            pending=pending[0] if pending else None,
        )
    return None
