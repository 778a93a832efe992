"""What an operator does with jobs: lists those that gave up, sends them again, cancels."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.jobs.arguments import JsonScalar
from shared.kernel.ids import JobId, TenantId
from shared.postgres.database import Database, driver
from shared.postgres.tenancy import BIND

_DEAD = """
select id, tenant_id, name, arguments::text as arguments, attempts, error, enqueued_at, started_at, traceparent
from jobs
where status = 'dead' and ($1::text is null or name = $1) and ($2::uuid is null or tenant_id = $2)
order by started_at desc limit $3"""

_COUNTS = (
    "select name, status, count(*) as jobs, min(run_at) as oldest from jobs group by name, status order by name, status"
)

_FIND = "select tenant_id from jobs where id = $1 and status = any($2) for update"

_RETRY = """
with again as (
    update jobs set status = 'queued', run_at = now(), attempts = 0, crashed = false where id = $1 returning id, tenant_id
)
update job_results as result set status = 'queued', error = null, finished_at = null
from again where result.tenant_id = again.tenant_id and result.job_id = again.id"""

_CANCEL = """
with gone as (delete from jobs where id = $1 returning id, tenant_id)
update job_results as result set status = 'cancelled', finished_at = now()
from gone where result.tenant_id = gone.tenant_id and result.job_id = gone.id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadJob:
    id: JobId
    tenant_id: TenantId
    name: str
    arguments: Mapping[str, JsonScalar]
    attempts: int
    error: str
    enqueued_at: datetime
    started_at: datetime
    """Of the last attempt."""
    traceparent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCount:
    name: str
    status: str
    """queued, running or dead."""
    jobs: int
    oldest: datetime
    """The earliest moment at which one of them was to run."""


async def dead_jobs(
    database: Database, *, name: str | None = None, tenant_id: UUID | None = None, limit: int = 100
) -> Sequence[DeadJob]:
    """The latest first."""
    async with database.transaction() as connection:
        rows = await (await driver(connection)).fetch(_DEAD, name, tenant_id, limit)
    return [_dead_job(row) for row in rows]


async def job_counts(database: Database) -> Sequence[JobCount]:
    """What is pending, by name and state; what is done is not counted."""
    async with database.transaction() as connection:
        rows = await (await driver(connection)).fetch(_COUNTS)
    return [JobCount(**row) for row in rows]


async def retry_job(database: Database, job_id: UUID) -> bool:
    """Sends a dead job again with all its tries. False where there is no dead job of that id."""
    return await _change(database, job_id, ["dead"], _RETRY)


async def cancel_job(database: Database, job_id: UUID) -> bool:
    """Takes a job away, whatever its state. One that runs is cancelled at its next heartbeat and its outcome dropped.

    False where there is no such job.
    """
    return await _change(database, job_id, ["queued", "running", "dead"], _CANCEL)


async def _change(database: Database, job_id: UUID, states: Sequence[str], statement: str) -> bool:
    async with database.transaction() as connection:
        raw = await driver(connection)
        tenant = await raw.fetchval(_FIND, job_id, states)
        if tenant is None:
            return False
        await connection.execute(BIND, {"tenants": str(tenant)})  # the result is its tenant's row
        await raw.execute(statement, job_id)
        return True


def _dead_job(row: asyncpg.Record) -> DeadJob:
    return DeadJob(**{**row, "arguments": json.loads(row["arguments"])})
