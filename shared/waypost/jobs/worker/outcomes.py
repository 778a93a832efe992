"""Writes the outcome of an attempt, guarded by the attempt's lease."""

import json
from datetime import datetime
from uuid import UUID

from waypost.jobs.claim import Claim
from waypost.jobs.worker.completions import Completions
from waypost.kernel.errors import Permanent
from waypost.postgres.database import Database
from waypost.postgres.sql import Sql

# The claim counted an attempt. `$5` is 1 for an outage, which moves it to `outages`.
_RETRY = """
update jobs set status = 'queued', run_at = now() + make_interval(secs => $3), delayed = true, error = $4,
    attempts = attempts - $5, outages = outages + $5, crashed = false, lease = null, lease_until = null
where id = $1 and lease = $2 returning id"""

_MARK_DEAD = """
with dead as (
    update jobs set status = 'dead', attempts = $3, error = $4, lease = null, lease_until = null
    where id = $1 and lease = $2 returning id, tenant_id, attempts, outages, started_at
)
update job_results as result
set status = 'dead', error = $5, attempts = dead.attempts, outages = dead.outages, started_at = dead.started_at,
    finished_at = now()
from dead where result.tenant_id = dead.tenant_id and result.job_id = dead.id
returning result.job_id"""

_PROGRESS = """
update job_results set progress = $4
where tenant_id = $3 and job_id = $1 and exists (select from jobs where id = $1 and lease = $2)"""


class Outcomes:
    """Each method returns whether the lease was still held; if not, nothing was written."""

    def __init__(self, database: Database, completions: Completions) -> None:
        self._database = database
        self._completions = completions

    async def complete(self, claim: Claim, result: str | None) -> bool:
        """Marks the job as complete, or deletes its result row if there is no result. Raises
        Permanent for JSON that PostgreSQL does not accept: repeating the work would not help.
        """
        return await self._completions.add(claim, result)

    async def retry(self, claim: Claim, after_seconds: float, error: str, *, outage: bool) -> bool:
        """Queues the job for another execution. One that an outage ended uses no attempt."""
        return await self._write(claim, _RETRY, after_seconds, error, int(outage))

    async def mark_dead(self, claim: Claim, attempts: int, error: str, shown: str) -> bool:
        """Marks the job as dead after so many attempts. `error` is for operators, `shown` for the
        tenant.
        """
        return await self._write(claim, _MARK_DEAD, attempts, error, shown)

    async def progress(self, claim: Claim, percent: int) -> None:
        """Stores the progress, 0 to 100, if the lease is held."""
        async with self._database.transaction([claim.tenant_id]) as connection:
            await Sql(connection).execute(_PROGRESS, claim.id, claim.lease, claim.tenant_id, percent)

    async def _write(self, claim: Claim, statement: str, *values: object) -> bool:
        async with self._database.transaction([claim.tenant_id]) as connection:
            return await Sql(connection).fetchrow(statement, claim.id, claim.lease, *values) is not None


def as_json(result: object) -> str:
    """A handler's result as JSON text. Raises Permanent for a value that is not JSON, except ids
    and times.
    """
    if result is None:
        return "null"
    try:
        return _JSON.encode(result)
    except (TypeError, ValueError) as error:
        raise Permanent(f"the job ran, but its result is not JSON: {error}") from error


def _text(value: object) -> str:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is neither an id nor a time")


_JSON = json.JSONEncoder(default=_text, allow_nan=False)
