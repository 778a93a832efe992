"""Selects the parked keys and their dead letters for a redrive. Only reads, and never a payload."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from uuid import UUID

import asyncpg

from waypost.ports.dead_letters import OPEN, DeadLetterStatus, ParkedKey
from waypost.postgres.database import Database
from waypost.postgres.dead_letters.rows import IN_KEY_ORDER, IS_OPEN
from waypost.postgres.dead_letters.search import MATCHES, WANTED, Search, count_dead_letters
from waypost.postgres.sql import NamedSql

_SETTLED = tuple(status for status in DeadLetterStatus if status not in OPEN)

# Keys with a matching dead letter, and keys that an interrupted redrive has begun: their remaining
# dead letters have not failed. The least often redriven keys are first, so that keys which fail
# again do not hide others behind a limit.
_KEYS = NamedSql(f"""
with matched as (
    select consumer, topic, key_digest, bool_or(status <> 'redriven') as waits from dead_letters
    where {IN_KEY_ORDER} and (status = 'redriven' or status = any (:statuses::text[])) and {MATCHES}
    group by consumer, topic, key_digest
), open_key as (
    select consumer, topic, key_digest, max(redrives) as redrives, (array_agg(status order by sequence, kafka_offset))[1] as first
    from dead_letters where {IS_OPEN} and {IN_KEY_ORDER}
    group by consumer, topic, key_digest
)
select consumer, topic, key_digest, count(*) over () as total from open_key join matched using (consumer, topic, key_digest)
where waits or first = 'waiting'
order by redrives, consumer, topic, key_digest limit :limit""")

_OF_KEYS = NamedSql(f"""
select consumer, topic, key, id, type, sequence, status, error_class, ({WANTED}) is true as matches
from dead_letters
join unnest(:consumers::text[], :topics::text[], :key_digests::bytea[]) with ordinality as chosen (consumer, topic, key_digest, nth)
    using (consumer, topic, key_digest)
where {IS_OPEN} and {IN_KEY_ORDER}
order by nth, sequence, kafka_offset""")

_UNPROCESSABLE = NamedSql(f"""
select id, type, sequence, status, error_class, true as matches, count(*) over () as total from dead_letters
where {WANTED} and not {IN_KEY_ORDER}
order by first_failed_at, id limit :limit""")

_STATUSES = "select id, status from dead_letters where id = any ($1::uuid[])"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedDeadLetter:
    """An open dead letter without its record."""

    id: UUID
    type: str | None
    sequence: int | None
    status: DeadLetterStatus
    error_class: str | None
    error: str | None = None
    """Error of a redrive that failed."""
    matches: bool
    """True if the dead letter matches the search. False if it only shares the key of one that does.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedKey:
    """A parked key with its dead letters, in the order of handling."""

    consumer: str
    parked: ParkedKey
    dead_letters: Sequence[SelectedDeadLetter]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveSelection:
    keys: Sequence[SelectedKey]
    more_keys: int
    """Number of matching keys beyond the limit."""
    unprocessable: Sequence[SelectedDeadLetter]
    """Matching dead letters without an event to handle. They park no key."""
    more_unprocessable: int
    """Number of unprocessable dead letters beyond the limit."""
    settled: int
    """Number of matching dead letters that are already settled."""

    @property
    def has_matches(self) -> bool:
        return bool(self.keys or self.unprocessable)


async def select_for_redrive(database: Database, search: Search, *, limit: int | None = None) -> RedriveSelection:
    """Selects the keys of the matching open dead letters, up to `limit` keys, and counts the
    others.
    """
    limited = search.parameters(limit=limit)
    keys = await database.fetch(*_KEYS.bind(limited))
    chosen = {f"{name}s": [row[name] for row in keys] for name in ("consumer", "topic", "key_digest")}
    dead_letters = await database.fetch(*_OF_KEYS.bind(search.parameters(**chosen))) if keys else []
    unprocessable = await database.fetch(*_UNPROCESSABLE.bind(limited))
    return RedriveSelection(
        keys=list(_grouped_by_key(dead_letters)),
        more_keys=_total(keys) - len(keys),
        unprocessable=[_selected(row) for row in unprocessable],
        more_unprocessable=_total(unprocessable) - len(unprocessable),
        settled=await count_dead_letters(database, replace(search, statuses=_SETTLED)),
    )


async def dead_letter_statuses(
    database: Database, dead_letter_ids: Collection[UUID]
) -> Mapping[UUID, DeadLetterStatus]:
    return {
        row["id"]: DeadLetterStatus(row["status"]) for row in await database.fetch(_STATUSES, list(dead_letter_ids))
    }


def _total(rows: Sequence[asyncpg.Record]) -> int:
    """The number of rows without the limit."""
    return int(rows[0]["total"]) if rows else 0


def _grouped_by_key(rows: Iterable[asyncpg.Record]) -> Iterable[SelectedKey]:
    for (consumer, topic, key), of_key in groupby(rows, lambda row: (row["consumer"], row["topic"], row["key"])):
        yield SelectedKey(
            consumer=consumer, parked=ParkedKey(topic, key), dead_letters=[_selected(row) for row in of_key]
        )


def _selected(row: asyncpg.Record) -> SelectedDeadLetter:
    return SelectedDeadLetter(
        id=row["id"],
        type=row["type"],
        sequence=row["sequence"],
        status=DeadLetterStatus(row["status"]),
        error_class=row["error_class"],
        matches=row["matches"],
    )
