"""Writes the results of jobs that end at about the same time in one transaction.

While one transaction commits, further jobs end and wait for the next one. A job that ends alone is
written at once.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

from waypost.jobs.claim import Claim
from waypost.kernel.errors import Permanent, Transient
from waypost.postgres.database import Database
from waypost.postgres.failures import sqlstate
from waypost.postgres.sql import Sql

MAX_AT_ONCE = 500
"""Limit of jobs in one transaction."""

# Each job's lease guards its row: a job that another attempt has claimed meanwhile is skipped, the
# others are written. Rows are locked in the order of their ids, as by a renewal, so that neither
# waits for the other.
_COMPLETE = """
with held as materialized (
    select jobs.id as held_id, ended.result
    from jobs join unnest($1::uuid[], $2::uuid[], $3::text[]) as ended (id, lease, result)
        on jobs.id = ended.id and jobs.lease = ended.lease
    order by jobs.id for update of jobs
), done as (
    delete from jobs using held where jobs.id = held.held_id
    returning jobs.id, jobs.lease, jobs.tenant_id, jobs.attempts, jobs.outages, jobs.started_at, held.result
), kept as (
    update job_results as result
    set status = 'complete', progress = 100, result = done.result::jsonb, attempts = done.attempts,
        outages = done.outages, started_at = done.started_at, finished_at = now()
    from done where done.result is not null and result.tenant_id = done.tenant_id and result.job_id = done.id
), forgotten as (
    delete from job_results as result using done
    where done.result is null and result.tenant_id = done.tenant_id and result.job_id = done.id
)
select lease from done"""

_UNSTORABLE = (asyncpg.DataError, asyncpg.ProgramLimitExceededError)
"""Errors of JSON that PostgreSQL does not accept, such as text with a NUL."""

_TOO_MUCH = (
    asyncpg.QueryCanceledError.sqlstate,
    asyncpg.InsufficientResourcesError.sqlstate,
    asyncpg.DiskFullError.sqlstate,
    asyncpg.OutOfMemoryError.sqlstate,
    asyncpg.ConfigurationLimitExceededError.sqlstate,
)
"""States of a statement that exceeds a limit of the server, such as `statement_timeout`."""


class Completion(NamedTuple):
    claim: Claim
    result: str | None
    """The result as JSON; None if the job keeps none."""
    written: asyncio.Future[bool]


class Completions:
    """Completed jobs of one worker. `write_waiting` is the tick of a loop with this `wakeup`."""

    def __init__(self, database: Database) -> None:
        self.wakeup = asyncio.Event()
        self._database = database
        self._waiting: list[Completion] = []

    async def add(self, claim: Claim, result: str | None) -> bool:
        """Waits until the job is written as complete. Returns False if its lease was lost. Raises
        Permanent for a result that PostgreSQL does not accept, and Transient.
        """
        completion = Completion(claim, result, asyncio.get_running_loop().create_future())
        self._waiting.append(completion)
        self.wakeup.set()
        return await completion.written

    async def write_waiting(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:MAX_AT_ONCE], self._waiting[MAX_AT_ONCE:]
            if wanted := [each for each in some if not each.written.cancelled()]:
                await self._settle(wanted)

    async def _settle(self, some: Sequence[Completion]) -> None:
        """Writes the jobs and reports to each that waits. If the error may be of one job, the
        others are written without it.
        """
        try:
            held = await self._write(some)
        except BaseException as error:
            if (size := _size_after(error, len(some))) < len(some):
                for start in range(0, len(some), size):
                    await self._settle(some[start : start + size])
                return
            _fail(some, error)
            if not isinstance(error, Exception):
                raise
        else:
            for each in some:
                if not each.written.done():
                    each.written.set_result(each.claim.lease in held)

    async def _write(self, some: Sequence[Completion]) -> frozenset[UUID]:
        """Returns the leases that were held."""
        async with self._database.transaction({each.claim.tenant_id for each in some}) as connection:
            rows = await Sql(connection).fetch(
                _COMPLETE,
                [each.claim.id for each in some],
                [each.claim.lease for each in some],
                [each.result for each in some],
            )
        return frozenset(row["lease"] for row in rows)


def _size_after(error: BaseException, size: int) -> int:
    """The size of the sets in which jobs are written after this error of a set. Each job alone if
    the error is certainly of one job; half of the set if the set may be too large.
    """
    state = sqlstate(error.__cause__ or error)
    if isinstance(error, _UNSTORABLE) or state == asyncpg.LockNotAvailableError.sqlstate:
        return 1
    repeats = isinstance(error, Exception) and not isinstance(error, Transient)
    return (size + 1) // 2 if repeats or state in _TOO_MUCH else size


def _fail(some: Sequence[Completion], error: BaseException) -> None:
    for each in some:
        if not each.written.done():
            each.written.set_exception(_reported(error))


def _reported(error: BaseException) -> Exception:
    if isinstance(error, _UNSTORABLE):
        refused = Permanent("the job ran, but its result cannot be stored")
        refused.__cause__ = error
        return refused
    return error if isinstance(error, Exception) else Transient("the write of the outcome was cancelled")
