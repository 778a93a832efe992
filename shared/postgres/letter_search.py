"""Letters as an operator looks for them: over all consumers of one service, and by the keys that wait. Reads only."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from uuid import UUID

import asyncpg

from shared.ports.dead_letters import OPEN, Letter, ParkedKey, Status
from shared.postgres.database import Database
from shared.postgres.letter_rows import COLUMNS, IN_LINE, IS_OPEN, from_row

SETTLED = tuple(each for each in Status if each not in OPEN)

_MATCHES = """
($1::text is null or consumer = $1) and ($3::uuid is null or tenant_id = $3)
  and ($4::text is null or type = $4) and ($5::bytea is null or key = $5) and ($6::text is null or fingerprint = $6)
  and ($7::text is null or error_class = $7) and ($8::timestamptz is null or first_failed_at >= $8)
  and ($9::timestamptz is null or first_failed_at < $9) and ($10::uuid is null or id = $10)"""

_WANTED = f"status = any ($2::text[]) and {_MATCHES}"

_LIST = f"""
select consumer, first_failed_at, {COLUMNS} from dead_letters
where {_WANTED} and ($11::timestamptz is null or (first_failed_at, id) > ($11, $12::uuid))
order by first_failed_at, id limit $13"""

_FIND = f"select consumer, first_failed_at, {COLUMNS} from dead_letters where id = $1"

# Without payloads: a redrive may select every letter that there is. Lines of redriven letters come along, see `_lines`.
_SELECT = f"""
with matched as (select id, consumer, topic, key from dead_letters where (status = 'redriven' or {_WANTED}) and {_MATCHES})
select l.consumer, l.topic, l.key, l.id, l.type, l.sequence, l.status, l.error_class,
       m.id is not null as matches, {IN_LINE} as in_line
from dead_letters l left join matched m on m.id = l.id
where {IS_OPEN}
  and (m.id is not null or {IN_LINE} and (l.consumer, l.topic, l.key) in (select consumer, topic, key from matched))
order by l.consumer, l.topic, l.key, l.sequence, l.kafka_offset"""

_COUNT = f"select count(*) from dead_letters where {_WANTED}"

_STATUSES = "select id, status from dead_letters where id = any ($1::uuid[])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is not set does not narrow it."""

    id: UUID | None = None
    consumer: str | None = None
    """`<service>.<name>`"""
    statuses: Collection[Status] = OPEN
    tenant_id: UUID | None = None
    type: str | None = None
    key: bytes | None = None
    fingerprint: str | None = None
    error_class: str | None = None
    since: datetime | None = None
    """Of the first failure; this moment included."""
    until: datetime | None = None
    """Of the first failure; this moment not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLetter:
    consumer: str
    """`<service>.<name>`"""
    first_failed_at: datetime
    letter: Letter


Place = tuple[datetime, UUID]
"""A letter's in a list: its first failure, and its id."""


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
    apart: Sequence[Entry]
    """They match, and hold nothing that could be handled: no key waits for them."""
    settled: int
    """How many match besides, and are settled already."""

    @property
    def found(self) -> bool:
        return bool(self.lines or self.apart)


async def find_letters(
    database: Database, search: Search, *, limit: int, after: Place | None = None
) -> Sequence[KeptLetter]:
    """The one that has waited longest first."""
    rows = await database.fetch(_LIST, *_wanted(search), *(after or (None, None)), limit)
    return [_kept(row) for row in rows]


async def find_letter(database: Database, letter_id: UUID) -> KeptLetter | None:
    for row in await database.fetch(_FIND, letter_id):
        return _kept(row)
    return None


async def select_lines(database: Database, search: Search) -> Selection:
    """The lines of the open letters that match, however many there are."""
    rows = await database.fetch(_SELECT, *_wanted(search))
    (settled,) = await database.fetch(_COUNT, *_wanted(replace(search, statuses=SETTLED)))
    return Selection(
        lines=list(_lines(row for row in rows if row["in_line"])),
        apart=[_entry(row) for row in rows if row["matches"] and not row["in_line"]],
        settled=settled["count"],
    )


async def letter_statuses(database: Database, letter_ids: Collection[UUID]) -> Mapping[UUID, Status]:
    return {row["id"]: Status(row["status"]) for row in await database.fetch(_STATUSES, list(letter_ids))}


def _wanted(search: Search) -> tuple[object, ...]:
    """The parameters of `_WANTED`."""
    return (
        search.consumer,
        list(search.statuses),
        search.tenant_id,
        search.type,
        search.key,
        search.fingerprint,
        search.error_class,
        search.since,
        search.until,
        search.id,
    )


def _lines(rows: Iterable[asyncpg.Record]) -> Iterable[Line]:
    """Those in which something matches, and those that a redrive of what matches has begun on: nothing that is left in them has failed."""
    for (consumer, topic, key), in_line in groupby(rows, lambda row: (row["consumer"], row["topic"], row["key"])):
        entries = [_entry(row) for row in in_line]
        if entries[0].status is Status.WAITING or any(each.matches for each in entries):
            yield Line(consumer=consumer, parked=ParkedKey(topic, key or b""), entries=entries)


def _entry(row: asyncpg.Record) -> Entry:
    return Entry(
        id=row["id"],
        type=row["type"],
        sequence=row["sequence"],
        status=Status(row["status"]),
        error_class=row["error_class"],
        matches=row["matches"],
    )


def _kept(row: asyncpg.Record) -> KeptLetter:
    return KeptLetter(consumer=row["consumer"], first_failed_at=row["first_failed_at"], letter=from_row(row))
