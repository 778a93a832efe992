"""Dead letters of one consumer on PostgreSQL, inside one open transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.audit_context import AuditContext
from waypost.ports.dead_letters import DeadLetter, DeadLetterStatus, Failure, ParkedKey, Tally
from waypost.postgres.audit import record_action
from waypost.postgres.dead_letters.due_keys import DIGESTS, SCHEDULE_KEY_OF
from waypost.postgres.dead_letters.rows import (
    COLUMNS,
    FAILURE_COLUMNS,
    IN_KEY_ORDER,
    IS_OPEN,
    as_not_storable,
    failure_columns,
    from_row,
    to_row,
)
from waypost.postgres.dead_letters.tally import tally_of
from waypost.postgres.sql import Sql

_WAITING_VERSIONS = f"""
select key, array_agg(sequence) as sequences from dead_letters
where consumer = $1 and topic = $2 and key_digest = any ({DIGESTS}) and sequence is not null
  and ({IS_OPEN} or status = 'discarded') and {IN_KEY_ORDER}
group by key"""

_INSERT = f"""
insert into dead_letters (consumer, id, event_id, tenant_id, type, topic, partition, kafka_offset, key, sequence, headers, payload,
                          status, attempts, next_attempt_at, {", ".join(FAILURE_COLUMNS)})
values ({", ".join(f"${number}" for number in range(1, 16 + len(FAILURE_COLUMNS)))})
on conflict (consumer, event_id) do nothing"""

# Uses the partial index of open dead letters. The count stops at the limit, so that its cost is
# bounded.
_OPEN_DEAD_LETTERS = f"""
select count(*) from (
    select from dead_letters where consumer = $1 and {IS_OPEN} limit $2
) as counted"""

# Starts from the failed dead letters and joins those of the same keys, so that dead letters which
# wait for an earlier version are not scanned.
_FAILED_DEAD_LETTERS = f"""
with failed as (
    select topic, key_digest, {IN_KEY_ORDER} as ordered from dead_letters where consumer = $1 and status in ('retrying', 'dead') limit $2
), behind as (
    select from dead_letters
    where consumer = $1 and status = 'waiting' and (topic, key_digest) in (select topic, key_digest from failed where ordered) limit $2
)
select least((select count(*) from failed) + (select count(*) from behind), $2)"""

# Two ranges of an index each: dead letters with a version, of which the settled ones are below $4;
# then those without one.
_FIRST = f"""
select * from (
    (select {COLUMNS} from dead_letters
     where consumer = $1 and topic = $2 and key_digest = sha256($3) and {IN_KEY_ORDER}
       and ({IS_OPEN} or status = 'discarded') and sequence > $4
     order by sequence, kafka_offset limit 1)
    union all
    (select {COLUMNS} from dead_letters
     where consumer = $1 and topic = $2 and key_digest = sha256($3) and {IN_KEY_ORDER} and {IS_OPEN} and sequence is null
     order by sequence, kafka_offset limit 1)
) as first
order by sequence, kafka_offset limit 1"""

_FIND = f"select {COLUMNS} from dead_letters where consumer = $1 and id = $2"

_BEGIN = f"""
update dead_letters set
    status = case when status = 'dead' and $4 then 'dead' else 'retrying' end, attempts = attempts + 1, unfinished = unfinished + 1,
    redrives = redrives + $4::int, next_attempt_at = $3, updated_at = now()
where consumer = $1 and id = $2
returning {COLUMNS}"""

_UNDO_ATTEMPT = """
update dead_letters set status = $3, attempts = $4, unfinished = $5, redrives = $6, next_attempt_at = $7, updated_at = now()
where consumer = $1 and id = $2"""

_UPDATE = f"""
update dead_letters set
    status = $3, attempts = $4, unfinished = 0, next_attempt_at = $5, updated_at = now(),
    {", ".join(f"{name} = case when $6::text is null then {name} else ${number} end" for number, name in enumerate(FAILURE_COLUMNS, 6))}
where consumer = $1 and id = $2"""

_ADOPT = f"""
update dead_letters set status = 'adopted', next_attempt_at = null, updated_at = now()
where consumer = $1 and id = $2 and {IS_OPEN} returning id"""


class PostgresDeadLetters:
    """`waypost.ports.dead_letters.DeadLetters`."""

    def __init__(self, connection: AsyncConnection, consumer: str) -> None:
        self._connection = connection
        self._sql = Sql(connection)
        self._consumer = consumer

    async def waiting_versions(self, topic: str, keys: Iterable[bytes]) -> Mapping[bytes, frozenset[int]]:
        rows = await self._sql.fetch(_WAITING_VERSIONS, self._consumer, topic, list(keys))
        return {row["key"]: frozenset(row["sequences"]) for row in rows}

    async def insert(self, dead_letters: Sequence[DeadLetter]) -> None:
        rows = [(self._consumer, *to_row(dead_letter)) for dead_letter in dead_letters]
        with as_not_storable():
            await self._sql.executemany(_INSERT, rows)

    async def now(self) -> datetime:
        now: datetime = await self._sql.fetchval("select now()")
        return now

    async def tally(self) -> Tally:
        return await tally_of(self._sql, self._consumer)

    async def open_dead_letters(self, at_most: int) -> int:
        return int(await self._sql.fetchval(_OPEN_DEAD_LETTERS, self._consumer, at_most))

    async def failed_dead_letters(self, at_most: int) -> int:
        return int(await self._sql.fetchval(_FAILED_DEAD_LETTERS, self._consumer, at_most))

    async def first(self, parked: ParkedKey, above: int) -> DeadLetter | None:
        row = await self._sql.fetchrow(_FIRST, self._consumer, parked.topic, parked.key, above)
        return from_row(row) if row else None

    async def find(self, dead_letter_id: UUID) -> DeadLetter | None:
        row = await self._sql.fetchrow(_FIND, self._consumer, dead_letter_id)
        return from_row(row) if row else None

    async def begin(
        self, dead_letter: DeadLetter, *, next_attempt_at: datetime, audit_context: AuditContext | None = None
    ) -> DeadLetter:
        (row,) = await self._sql.fetch(
            _BEGIN, self._consumer, dead_letter.id, next_attempt_at, audit_context is not None
        )
        if audit_context is not None:
            await self._record_audit(dead_letter, audit_context, verb="dead_letters.redrive")
        await self._schedule_key_of(dead_letter.id)
        return from_row(row)

    async def undo_attempt(self, before: DeadLetter) -> None:
        counts = (before.status, before.attempts, before.unfinished, before.redrives, before.next_attempt_at)
        await self._sql.execute(_UNDO_ATTEMPT, self._consumer, before.id, *counts)
        await self._schedule_key_of(before.id)

    async def update(
        self,
        dead_letter_id: UUID,
        *,
        status: DeadLetterStatus,
        attempts: int,
        next_attempt_at: datetime | None = None,
        failure: Failure | None = None,
    ) -> None:
        what = failure_columns(failure)
        await self._sql.execute(_UPDATE, self._consumer, dead_letter_id, status, attempts, next_attempt_at, *what)
        await self._schedule_key_of(dead_letter_id)

    async def discard(self, dead_letter: DeadLetter, audit_context: AuditContext) -> None:
        await self.update(dead_letter.id, status=DeadLetterStatus.DISCARDED, attempts=dead_letter.attempts)
        await self._record_audit(dead_letter, audit_context, verb="dead_letters.discard")

    async def adopt(self, dead_letter: DeadLetter, audit_context: AuditContext) -> bool:
        if await self._sql.fetchval(_ADOPT, self._consumer, dead_letter.id) is None:
            return False
        await self._record_audit(dead_letter, audit_context, verb="dead_letters.adopt")
        return True

    async def _schedule_key_of(self, dead_letter_id: UUID) -> None:
        await self._sql.execute(SCHEDULE_KEY_OF, self._consumer, dead_letter_id)

    async def _record_audit(self, dead_letter: DeadLetter, audit_context: AuditContext, *, verb: str) -> None:
        facts: dict[str, str | int] = {"consumer": self._consumer, "event_id": str(dead_letter.event_id)}
        await record_action(
            self._connection, audit_context, verb=verb, subject=dead_letter.id, tenant_id=dead_letter.tenant_id, **facts
        )
