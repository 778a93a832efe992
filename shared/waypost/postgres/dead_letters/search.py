"""An operator's search for dead letters, over all consumers of one service. Only reads."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import asyncpg

from waypost.ports.dead_letters import OPEN, DeadLetter, DeadLetterStatus
from waypost.postgres.dead_letters.rows import COLUMNS, from_row
from waypost.postgres.reads import Reads
from waypost.postgres.sql import NamedSql

# Parameters are the fields of Search.
MATCHES = """
(:consumer::text is null or consumer = :consumer)
  and (:tenant_id::uuid is null or tenant_id = :tenant_id)
  and (:type::text is null or type = :type)
  and (:key::bytea is null or key = :key)
  and (:fingerprint::text is null or fingerprint = :fingerprint)
  and (:error_class::text is null or error_class = :error_class)
  and (:since::timestamptz is null or first_failed_at >= :since)
  and (:until::timestamptz is null or first_failed_at < :until)
  and (:id::uuid is null or id = :id)"""

WANTED = f"status = any (:statuses::text[]) and {MATCHES}"

_LIST = NamedSql(f"""
select consumer, first_failed_at, content_removed_at, {COLUMNS} from dead_letters
where {WANTED} and (:after_time::timestamptz is null or (first_failed_at, id) > (:after_time, :after_id::uuid))
order by first_failed_at, id limit :limit""")

_COUNT = NamedSql(f"select count(*) from dead_letters where {WANTED}")

_FIND = f"select consumer, first_failed_at, content_removed_at, {COLUMNS} from dead_letters where id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Filters; None matches every dead letter."""

    id: UUID | None = None
    consumer: str | None = None
    """`<service>.<name>`"""
    statuses: Collection[DeadLetterStatus] = OPEN
    tenant_id: UUID | None = None
    type: str | None = None
    key: bytes | None = None
    fingerprint: str | None = None
    error_class: str | None = None
    since: datetime | None = None
    """Earliest first failure; this moment included."""
    until: datetime | None = None
    """Latest first failure; this moment excluded."""

    @classmethod
    def of(cls, *, key: str | None = None, status: Collection[DeadLetterStatus] | None = None, **filters: Any) -> Self:
        """Builds a search from the filters of the command line and the HTTP routes. The key is
        text; without a status it matches open dead letters.
        """
        return cls(key=None if key is None else key.encode(), statuses=tuple(status or OPEN), **filters)

    def parameters(self, **more: object) -> Mapping[str, object]:
        """The parameters of `MATCHES` and `WANTED`, and further ones."""
        fields_of_search = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**fields_of_search, "statuses": list(self.statuses), **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDeadLetter:
    consumer: str
    """`<service>.<name>`"""
    first_failed_at: datetime
    content_removed_at: datetime | None
    """When retention removed the record and the error's text; only of discarded ones."""
    dead_letter: DeadLetter


Place = tuple[datetime, UUID]
"""Position in a list: the first failure and the id of a dead letter."""


async def find_dead_letters(
    database: Reads, search: Search, *, limit: int, after: Place | None = None
) -> Sequence[StoredDeadLetter]:
    """The matching dead letters, the earliest first failure first."""
    after_time, after_id = after or (None, None)
    rows = await database.fetch(*_LIST.bind(search.parameters(after_time=after_time, after_id=after_id, limit=limit)))
    return [_stored(row) for row in rows]


async def count_dead_letters(database: Reads, search: Search) -> int:
    """The number of matching dead letters."""
    (row,) = await database.fetch(*_COUNT.bind(search.parameters()))
    return int(row["count"])


async def find_dead_letter(database: Reads, dead_letter_id: UUID) -> StoredDeadLetter | None:
    for row in await database.fetch(_FIND, dead_letter_id):
        return _stored(row)
    return None


def _stored(row: asyncpg.Record) -> StoredDeadLetter:
    return StoredDeadLetter(
        consumer=row["consumer"],
        first_failed_at=row["first_failed_at"],
        content_removed_at=row["content_removed_at"],
        dead_letter=from_row(row),
    )
