"""Jobs as an operator sees them, mapped from the pending table and the results."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.jobs.parameter import JsonArgument
from waypost.jobs.results import Status
from waypost.kernel.ids import JobId, TenantId
from waypost.postgres.database import Sql
from waypost.postgres.tenancy import BIND, setting, some_at_a_time

PENDING_COLUMNS = """job.id, job.tenant_id, job.name, job.arguments::text as arguments, job.attempts, job.redrives, job.priority,
    job.idempotency_key, job.worker, job.error, job.enqueued_at, job.run_at, job.started_at, job.lease_until, job.traceparent"""

RESULT_COLUMNS = """
job_id as id, tenant_id, name, status, attempts, idempotency_key, owner_id, progress, result::text as result, error, enqueued_at,
started_at, finished_at"""

# What only the results of pending jobs know. The tenants are named beside the ids, for the key
# begins with them.
_RESULTS = """
select job_id as id, owner_id, progress, finished_at from job_results
where (tenant_id, job_id) in (select * from unnest($1::uuid[], $2::uuid[]))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundJob:
    """A job that is done has forgotten what only its pending row knew: those facts are None."""

    id: JobId
    tenant_id: TenantId
    name: str
    status: Status
    attempts: int
    """Since it was enqueued, or sent again."""
    enqueued_at: datetime
    started_at: datetime | None
    """Of the last attempt."""
    error: str | None
    """Of the last attempt that failed, in words for operators; once the job is done, in those for
    its tenant.
    """
    idempotency_key: str | None
    arguments: Mapping[str, JsonArgument] | None = None
    redrives: int | None = None
    """How often an operator sent it again."""
    priority: int | None = None
    worker: str | None = None
    """Who began the last attempt, as host:pid."""
    run_at: datetime | None = None
    """When it is due, or was."""
    lease_until: datetime | None = None
    """While it runs: when it counts as crashed unless its worker says otherwise."""
    traceparent: str | None = None
    """Of its enqueue."""
    owner_id: UUID | None = None
    progress: int | None = None
    result: Any = None
    finished_at: datetime | None = None


def pending_job(row: asyncpg.Record) -> FoundJob:
    facts = {name: value for name, value in row.items() if name != "found"}
    return FoundJob(**{**facts, "status": Status(row["status"]), "arguments": json.loads(row["arguments"])})


def finished_job(row: asyncpg.Record) -> FoundJob:
    result = json.loads(row["result"]) if row["result"] is not None else None
    return FoundJob(**{**row, "status": Status(row["status"]), "result": result})


async def with_results(connection: AsyncConnection, pending: Sequence[FoundJob]) -> Sequence[FoundJob]:
    """Together with what their results know. Binds the transaction to their tenants, some at a
    time.
    """
    sql, kept = Sql(connection), dict[UUID, Mapping[str, Any]]()
    for some in some_at_a_time(sorted({each.tenant_id for each in pending})):
        await connection.execute(BIND, {"tenants": setting(some)})
        theirs = [(each.tenant_id, each.id) for each in pending if each.tenant_id in some]
        kept |= {row["id"]: dict(row) for row in await sql.fetch(_RESULTS, *map(list, zip(*theirs, strict=True)))}
    return [_merged(each, kept.get(each.id, {})) for each in pending]


def _merged(job: FoundJob, kept: Mapping[str, Any]) -> FoundJob:
    """The result is read a moment later: an end that it has of a job that was not dead is a later
    one.
    """
    ended = kept.get("finished_at") if job.status is Status.DEAD else None
    return replace(job, **{**kept, "finished_at": ended})
