"""The keys that wait and the letters in their lines, as a redrive selects them. Reads only, and
never a payload.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from uuid import UUID

import asyncpg

from waypost.ports.dead_letters import OPEN, ParkedKey, Status
from waypost.postgres.database import Database
from waypost.postgres.dead_letters.rows import IN_LINE, IS_OPEN
from waypost.postgres.dead_letters.search import MATCHES, WANTED, Search
from waypost.postgres.named_sql import NamedSql

_SETTLED = tuple(each for each in Status if each not in OPEN)

# Lines in which something matches, and those that a redrive of what matches has begun on: nothing
# that is left in these has failed. What was redriven least often goes first, so that keys which
# fail again hide no others behind a limit.
_KEYS = NamedSql(f"""
with matched as (
    select consumer, topic, key_digest, bool_or(status <> 'redriven') as waits from dead_letters
    where {IN_LINE} and (status = 'redriven' or status = any (:statuses::text[])) and {MATCHES}
    group by consumer, topic, key_digest
), line as (
    select consumer, topic, key_digest, max(redrives) as redrives, (array_agg(status order by sequence, kafka_offset))[1] as first
    from dead_letters where {IS_OPEN} and {IN_LINE}
    group by consumer, topic, key_digest
)
select consumer, topic, key_digest, count(*) over () as found from line join matched using (consumer, topic, key_digest)
where waits or first = 'waiting'
order by redrives, consumer, topic, key_digest limit :limit""")

_LINES = NamedSql(f"""
select consumer, topic, key, id, type, sequence, status, error_class, ({WANTED}) is true as matches
from dead_letters
join unnest(:consumers::text[], :topics::text[], :key_digests::bytea[]) with ordinality as chosen (consumer, topic, key_digest, nth)
    using (consumer, topic, key_digest)
where {IS_OPEN} and {IN_LINE}
order by nth, sequence, kafka_offset""")

_APART = NamedSql(f"""
select id, type, sequence, status, error_class, true as matches, count(*) over () as found from dead_letters
where {WANTED} and not {IN_LINE}
order by first_failed_at, id limit :limit""")

_COUNT = NamedSql(f"select count(*) from dead_letters where {WANTED}")

_STATUSES = "select id, status from dead_letters where id = any ($1::uuid[])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An open letter without its bytes."""

    id: UUID
    type: str | None
    sequence: int | None
    status: Status
    error_class: str | None
    error: str | None = None
    """Of a redrive that has just failed."""
    matches: bool
    """Whether it was looked for, or only stands in the line of one that was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A parked key with everything that waits in it, in the order in which it is handled."""

    consumer: str
    parked: ParkedKey
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    lines: Sequence[Line]
    more: int
    """Keys with such lines that the limit left out."""
    unprocessable: Sequence[Entry]
    """They match, and hold nothing that could be handled: no key waits for them."""
    more_apart: int
    """Of these, how many the limit left out."""
    settled: int
    """How many match besides, and are settled already."""

    @property
    def found(self) -> bool:
        return bool(self.lines or self.unprocessable)


async def select_lines(database: Database, search: Search, *, limit: int | None = None) -> Selection:
    """The lines of the open letters that match: of so many keys, and the others counted."""
    limited = search.parameters(limit=limit)
    keys = await database.fetch(*_KEYS.bind(limited))
    chosen = {f"{name}s": [row[name] for row in keys] for name in ("consumer", "topic", "key_digest")}
    lines = await database.fetch(*_LINES.bind(search.parameters(**chosen))) if keys else []
    unprocessable = await database.fetch(*_APART.bind(limited))
    (settled,) = await database.fetch(*_COUNT.bind(replace(search, statuses=_SETTLED).parameters()))
    return Selection(
        lines=list(_lines(lines)),
        more=_found(keys) - len(keys),
        unprocessable=[_entry(row) for row in unprocessable],
        more_apart=_found(unprocessable) - len(unprocessable),
        settled=settled["count"],
    )


async def dead_letter_statuses(database: Database, dead_letter_ids: Collection[UUID]) -> Mapping[UUID, Status]:
    return {row["id"]: Status(row["status"]) for row in await database.fetch(_STATUSES, list(dead_letter_ids))}


def _found(rows: Sequence[asyncpg.Record]) -> int:
    """Without the limit."""
    return int(rows[0]["found"]) if rows else 0


def _lines(rows: Iterable[asyncpg.Record]) -> Iterable[Line]:
    for (consumer, topic, key), in_line in groupby(rows, lambda row: (row["consumer"], row["topic"], row["key"])):
        yield Line(consumer=consumer, parked=ParkedKey(topic, key), entries=[_entry(row) for row in in_line])


def _entry(row: asyncpg.Record) -> Entry:
    return Entry(
        id=row["id"],
        type=row["type"],
        sequence=row["sequence"],
        status=Status(row["status"]),
        error_class=row["error_class"],
        matches=row["matches"],
    )
