"""Letters as an operator looks for them, over all consumers of one service. Reads only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from waypost.ports.dead_letters import OPEN, DeadLetter, Status
from waypost.postgres.database import Database
from waypost.postgres.letter_rows import COLUMNS, from_row

MATCHES = """
($1::text is null or consumer = $1) and ($3::uuid is null or tenant_id = $3)
  and ($4::text is null or type = $4) and ($5::bytea is null or key = $5) and ($6::text is null or fingerprint = $6)
  and ($7::text is null or error_class = $7) and ($8::timestamptz is null or first_failed_at >= $8)
  and ($9::timestamptz is null or first_failed_at < $9) and ($10::uuid is null or id = $10)"""

WANTED = f"status = any ($2::text[]) and {MATCHES}"

_LIST = f"""
select consumer, first_failed_at, {COLUMNS} from dead_letters
where {WANTED} and ($11::timestamptz is null or (first_failed_at, id) > ($11, $12::uuid))
order by first_failed_at, id limit $13"""

_FIND = f"select consumer, first_failed_at, {COLUMNS} from dead_letters where id = $1"


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
class StoredDeadLetter:
    consumer: str
    """`<service>.<name>`"""
    first_failed_at: datetime
    dead_letter: DeadLetter


Place = tuple[datetime, UUID]
"""A letter's in a list: its first failure, and its id."""


async def find_dead_letters(
    database: Database, search: Search, *, limit: int, after: Place | None = None
) -> Sequence[StoredDeadLetter]:
    """The one that has waited longest first."""
    rows = await database.fetch(_LIST, *wanted(search), *(after or (None, None)), limit)
    return [_kept(row) for row in rows]


async def find_dead_letter(database: Database, dead_letter_id: UUID) -> StoredDeadLetter | None:
    for row in await database.fetch(_FIND, dead_letter_id):
        return _kept(row)
    return None


def wanted(search: Search) -> tuple[object, ...]:
    """The parameters of `WANTED`."""
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


def _kept(row: asyncpg.Record) -> StoredDeadLetter:
    return StoredDeadLetter(consumer=row["consumer"], first_failed_at=row["first_failed_at"], dead_letter=from_row(row))
