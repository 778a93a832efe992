"""Finds one job by its id, pending or finished, over all tenants."""

from collections.abc import Collection
from uuid import UUID

from waypost.jobs.status import STATE
from waypost.kernel.errors import NotFound
from waypost.operations.jobs.rows import (
    PENDING_COLUMNS,
    RESULT_COLUMNS,
    FoundJob,
    finished_job,
    pending_job,
    with_results,
)
from waypost.postgres.reads import Reads, Statements
from waypost.postgres.tenancy import bind_statement, some_at_a_time

_FIND = f"select {PENDING_COLUMNS}, {STATE} as status from jobs as job where id = $1"

_LOCK = f"{_FIND} and job.status = any ($2::text[]) for update"

# The read model of `waypost.jobs.tenant_directory`, whose module would load SQLAlchemy.
_ALL_TENANTS = "select tenant_id from tenants.tenant_directory order by tenant_id"

_FIND_RESULT = f"select {RESULT_COLUMNS} from job_results where job_id = $1"


async def find_job(ops: Reads, job_id: UUID) -> FoundJob | None:
    """The job of any tenant, pending or finished. None for an unknown job, and for one whose result
    was deleted by retention.
    """
    async with ops.statements() as sql:
        found = await job_within(sql, job_id)  # no tenant is bound: finds only a pending job
        tenants = () if found else [row["tenant_id"] for row in await sql.fetch(_ALL_TENANTS)]
        for some in some_at_a_time(tenants):
            await sql.execute(bind_statement(some))
            if (found := await job_within(sql, job_id)) is not None:
                break
    return found


async def job_within(sql: Statements, job_id: UUID) -> FoundJob | None:
    """The job within the transaction: a pending one, or a finished one of the bound tenants."""
    if (row := await sql.fetchrow(_FIND, job_id)) is not None:
        (pending,) = await with_results(sql, [pending_job(row)])
        return pending
    result = await sql.fetchrow(_FIND_RESULT, job_id)
    return None if result is None else finished_job(result)


async def locked_job(sql: Statements, job_id: UUID, statuses: Collection[str]) -> FoundJob | None:
    """Locks and returns a pending job with one of these statuses. None for any other."""
    row = await sql.fetchrow(_LOCK, job_id, statuses)
    return None if row is None else pending_job(row)


async def found_job(ops: Reads, job_id: UUID) -> FoundJob:
    """The job with this id. Raises NotFound."""
    found = await find_job(ops, job_id)
    if found is None:
        raise NotFound(f"there is no job {job_id}")
    return found
