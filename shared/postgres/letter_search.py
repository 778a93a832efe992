"""Dead letters of all consumers of one database, as an operator looks for them. Reads only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.ports.dead_letters import OPEN, Letter, Status
from shared.postgres.database import Database, driver
from shared.postgres.letter_rows import COLUMNS, from_row

_SEARCH = f"""
select consumer, first_failed_at, {COLUMNS} from dead_letters
where ($1::text is null or consumer = $1) and status = any ($2::text[]) and ($3::uuid is null or tenant_id = $3)
  and ($4::text is null or type = $4) and ($5::text is null or fingerprint = $5)
order by first_failed_at, consumer, topic, key, sequence limit $6"""

_FIND = f"select consumer, first_failed_at, {COLUMNS} from dead_letters where id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLetter:
    consumer: str
    """`<service>.<name>`"""
    first_failed_at: datetime
    letter: Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is not set does not narrow it."""

    consumer: str | None = None
    statuses: Collection[Status] = OPEN
    tenant_id: UUID | None = None
    type: str | None = None
    fingerprint: str | None = None
    limit: int = 100


async def find_letters(database: Database, search: Search) -> Sequence[KeptLetter]:
    """The one that has waited longest first."""
    wanted = (search.consumer, list(search.statuses), search.tenant_id, search.type, search.fingerprint, search.limit)
    async with database.transaction() as connection:
        return [_kept(row) for row in await (await driver(connection)).fetch(_SEARCH, *wanted)]


async def find_letter(database: Database, letter_id: UUID) -> KeptLetter | None:
    async with database.transaction() as connection:
        row = await (await driver(connection)).fetchrow(_FIND, letter_id)
    return _kept(row) if row else None


def _kept(row: asyncpg.Record) -> KeptLetter:
    return KeptLetter(consumer=row["consumer"], first_failed_at=row["first_failed_at"], letter=from_row(row))
