"""Enqueues jobs in the caller's transaction: with one statement, or together with the commit."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.jobs.declaration import JobRegistry
from waypost.jobs.parameter import JsonArgument
from waypost.jobs.spans import sending
from waypost.kernel.cause import Cause
from waypost.kernel.errors import Invalid
from waypost.kernel.ids import JobId, TenantId, new_id
from waypost.kernel.tenant import sole_tenant
from waypost.ports.jobs import JobQueue, NewJob
from waypost.postgres.last_writes import LiteralInsert
from waypost.postgres.sql import Sql, in_savepoint, last_writes
from waypost.postgres.tenancy import bind_statement, some_at_a_time
from waypost.telemetry.tracing import Trace

# The result row is inserted first: its unique key decides which enqueue is first, also long after
# the job has run. The update that changes nothing locks and returns the existing row. "do nothing"
# would return none, and a separate select would not see a row that another transaction committed
# meanwhile. Times that are not given are the database's: the clocks of two hosts differ.
_ENQUEUE = """
with known as (
    insert into job_results (tenant_id, job_id, owner_id, name, idempotency_key, enqueued_at)
    select tenant_id, job_id, $3, $4, $6, coalesce($8, now()) from {wanted} as wanted (tenant_id, job_id)
    on conflict (tenant_id, name, idempotency_key) where idempotency_key is not null do update set name = excluded.name
    returning tenant_id, job_id, old.job_id is null as fresh
), queued as (
    insert into jobs (id, tenant_id, name, arguments, idempotency_key, priority, enqueued_at, run_at, delayed,
                      correlation_id, causation_id, traceparent, tracestate, actor_id)
    select job_id, tenant_id, $4, $5, $6, $7, coalesce($8, now()), coalesce($9, now()), $9 is not null, $10, $11, $12, $13, $14
    from known where fresh
)
select job_id, fresh from known"""

# A job without a key is new, and its id is known: its rows are written with the commit. Inside a
# savepoint they are written at once, because a rollback to it must drop them.
_RESULT = LiteralInsert("job_results", ("tenant_id", "job_id", "owner_id", "name"))
_CAUSED = ("correlation_id", "causation_id", "traceparent", "tracestate", "actor_id")
_JOB_COLUMNS = ("id", "tenant_id", "name", "arguments", "priority", *_CAUSED)
_JOB = LiteralInsert("jobs", _JOB_COLUMNS)
_DELAYED_JOB = LiteralInsert("jobs", (*_JOB_COLUMNS, "run_at", "delayed"))

ENQUEUE = _ENQUEUE.format(wanted="unnest($1::uuid[], $2::uuid[])")
_ENQUEUE_ONE = _ENQUEUE.format(wanted="(values ($1::uuid, $2::uuid))")  # arrays cost twice as much


class Unit(Protocol):
    """The part of the unit of work that the queue needs."""

    tenants: frozenset[TenantId]
    cause: Cause
    woken_by_jobs: bool


class PostgresJobQueue(JobQueue):
    """`waypost.ports.jobs.JobQueue` inside one open transaction."""

    def __init__(self, connection: AsyncConnection, unit: Unit, registry: JobRegistry) -> None:
        self._connection = connection
        self._sql = Sql(connection)
        self._unit = unit
        self._registry = registry

    async def add(self, job: NewJob) -> JobId:
        if job.run_at is not None and job.run_at.tzinfo is None:
            raise Invalid(f"job {job.name}: run_at has no time zone; pass a timezone-aware datetime")
        stored = json.dumps(self._registry.encode(job.name, job.arguments))
        tenant, job_id = sole_tenant(self._unit.tenants), new_id()
        priority = self._registry[job.name].priority if job.priority is None else job.priority
        with sending(job.name, job_id) as trace:
            caused = _caused(self._unit.cause, trace)
            if job.idempotency_key is None and not in_savepoint(self._connection):
                last, row = last_writes(self._connection), (job_id, tenant, job.name, stored, priority, *caused)
                last.add(_RESULT.text([(tenant, job_id, job.owner_id, job.name)]))
                last.add(_JOB.text([row]) if job.run_at is None else _DELAYED_JOB.text([(*row, job.run_at, True)]))
                self._unit.woken_by_jobs = True
                return JobId(job_id)
            (known_id, fresh), *_ = await self._sql.fetch(
                _ENQUEUE_ONE,
                *(tenant, job_id, job.owner_id, job.name, stored, job.idempotency_key),
                *(priority, None, job.run_at),
                *caused,
            )
        self._unit.woken_by_jobs |= fresh
        return JobId(known_id)


async def enqueue_for_each(
    connection: AsyncConnection,
    tenants: Sequence[TenantId],
    name: str,
    stored: Mapping[str, JsonArgument],
    *,
    idempotency_key: str,
    priority: int = 0,
    at: datetime,
) -> None:
    """Enqueues one job per tenant, due at once; `at` is stored as the time of the enqueue. Binds
    the transaction to the tenants, in groups.
    """
    sql = Sql(connection)
    beginning = new_id()
    cause = Cause(correlation_id=beginning, causation_id=beginning)
    for some in some_at_a_time(tenants):
        await sql.execute(bind_statement(some))
        ids, text = [new_id() for _ in some], json.dumps(stored)
        await sql.execute(
            ENQUEUE, some, ids, None, name, text, idempotency_key, priority, at, None, *_caused(cause, None)
        )


def _caused(cause: Cause, trace: Trace | None) -> tuple[object, ...]:
    """Values from correlation_id on: the trace of the enqueue's span if there is one, else the
    cause's.
    """
    traceparent, tracestate = (trace.traceparent, trace.tracestate) if trace else (cause.traceparent, cause.tracestate)
    return cause.correlation_id, cause.causation_id, traceparent, tracestate, cause.actor_id
