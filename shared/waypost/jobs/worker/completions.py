"""Writes the results of jobs that end at about the same time in one transaction.

While one transaction commits, further jobs end and wait for the next one. A job that ends alone is
written at once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from waypost.jobs.claim import Claim
from waypost.kernel.errors import Permanent, Transient
from waypost.postgres.database import Database
from waypost.postgres.failures import sqlstate
from waypost.postgres.sql import Sql

MAX_AT_ONCE = 500
"""Limit of jobs in one transaction."""

# Each job's lease guards its row: a job that another attempt has claimed meanwhile is skipped, the
# others are written.
_COMPLETE = """
with done as (
    delete from jobs using unnest($1::uuid[], $2::uuid[], $3::text[]) as ended (id, lease, result)
    where jobs.id = ended.id and jobs.lease = ended.lease
    returning jobs.id, jobs.tenant_id, jobs.attempts, jobs.started_at, ended.result
), kept as (
    update job_results as result
    set status = 'complete', progress = 100, result = done.result::jsonb, attempts = done.attempts, started_at = done.started_at,
        finished_at = now()
    from done where done.result is not null and result.tenant_id = done.tenant_id and result.job_id = done.id
), forgotten as (
    delete from job_results as result using done
    where done.result is null and result.tenant_id = done.tenant_id and result.job_id = done.id
)
select id from done"""

_UNSTORABLE = (asyncpg.DataError, asyncpg.ProgramLimitExceededError)
"""Errors of JSON that PostgreSQL does not accept, such as text with a NUL."""


@dataclass(frozen=True, slots=True)
class Completion:
    claim: Claim
    result: str | None
    """The result as JSON; None if the job keeps none."""
    written: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


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
        completion = Completion(claim, result)
        self._waiting.append(completion)
        self.wakeup.set()
        return await completion.written

    async def write_waiting(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:MAX_AT_ONCE], self._waiting[MAX_AT_ONCE:]
            if wanted := [each for each in some if not each.written.cancelled()]:
                await self._settle(wanted)

    async def _settle(self, some: Sequence[Completion]) -> None:
        """Writes the jobs and reports to each that waits. If one job's result or a lock on its row
        prevents the write, each job is written alone.
        """
        try:
            held = await self._write(some)
        except BaseException as error:
            if len(some) > 1 and _is_of_one_job(error):
                for each in some:
                    await self._settle([each])
                return
            _fail(some, error)
            if not isinstance(error, Exception):
                raise
        else:
            for each in some:
                if not each.written.done():
                    each.written.set_result(each.claim.id in held)

    async def _write(self, some: Sequence[Completion]) -> frozenset[object]:
        """Returns the jobs whose lease was held. Locks rows by id, as a renewal does, so that
        neither waits for the other.
        """
        some = sorted(some, key=lambda each: each.claim.id)
        async with self._database.transaction({each.claim.tenant_id for each in some}) as connection:
            rows = await Sql(connection).fetch(
                _COMPLETE,
                [each.claim.id for each in some],
                [each.claim.lease for each in some],
                [each.result for each in some],
            )
        return frozenset(row["id"] for row in rows)


def _is_of_one_job(error: BaseException) -> bool:
    return (
        isinstance(error, _UNSTORABLE) or sqlstate(error.__cause__ or error) == asyncpg.LockNotAvailableError.sqlstate
    )


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
