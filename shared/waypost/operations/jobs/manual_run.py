"""Enqueues a job on behalf of an operator."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.jobs.parameter import JsonArgument
from waypost.jobs.tenant_directory import all_tenants
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import Invalid, NotFound
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import bound_tenants
from waypost.operations.admin_service import AdminService
from waypost.operations.jobs.lookup import job_within
from waypost.operations.jobs.rows import FoundJob
from waypost.ports.jobs import JobArgument
from waypost.postgres.audit import record_action
from waypost.postgres.sql import Sql
from waypost.postgres.tenancy import bind_statement, some_at_a_time

# One index probe per tenant. The index begins with the tenant; PostgreSQL 18 skip-scans the few
# aggregate types in it.
_OWNERS = """
select tenant_id, found.aggregate_id from unnest($1::uuid[]) as tenant (tenant_id)
cross join lateral (
    select aggregate_id from events
    where events.tenant_id = tenant.tenant_id and aggregate_id = any ($2::uuid[]) limit 1
) as found"""


async def run_job(
    service: AdminService,
    name: str,
    tenant_id: UUID,
    arguments: Mapping[str, JsonArgument],
    audit_context: AuditContext,
) -> FoundJob:
    """Enqueues the job as a handler would, with arguments parsed from JSON. Returns the queued job.

    Raises Invalid for an unknown job, for arguments that do not match its handler, and for the id
    of another tenant's aggregate. Raises NotFound for an unknown tenant.
    """
    read: dict[str, Any] = dict(
        service.jobs.read(name, arguments)
    )  # declaration refuses parameters named like those of enqueue
    await _refuse_ids_of_other_tenants(service, TenantId(tenant_id), read)
    with bound_tenants([TenantId(tenant_id)]):
        async with service.units.begin() as unit:
            async with unit.rows.begin_nested():  # within a savepoint, the job is written at once
                job_id = await unit.jobs.enqueue(name, **read)
            facts = {"name": name, "arguments": json.dumps(arguments)}
            await record_action(unit.rows, audit_context, verb="jobs.run", subject=job_id, tenant_id=tenant_id, **facts)
            enqueued = await job_within(Sql(unit.rows), job_id)
    if enqueued is None:
        raise NotFound(f"there is no job {job_id}")
    return enqueued


async def _refuse_ids_of_other_tenants(
    service: AdminService, tenant: TenantId, arguments: Mapping[str, JobArgument]
) -> None:
    ids = [(name, argument_id) for name, value in arguments.items() for argument_id in _ids_in(value)]
    async with service.ops.transaction() as connection:
        tenants = await all_tenants(connection)
        if tenant not in tenants:
            raise NotFound(f"{service.name} has no tenant {tenant}")
        for some in some_at_a_time([other for other in tenants if other != tenant]):
            await _refuse_ids_of(connection, some, ids)


async def _refuse_ids_of(
    connection: AsyncConnection, others: Collection[TenantId], ids: Sequence[tuple[str, UUID]]
) -> None:
    if not ids:
        return
    sql = Sql(connection)
    await sql.execute(bind_statement(others))
    for row in await sql.fetch(_OWNERS, list(others), [argument_id for _, argument_id in ids]):
        (name, *_) = [argument for argument, value in ids if value == row["aggregate_id"]]
        raise Invalid(f"{name} {row['aggregate_id']} belongs to another tenant", tenant_id=str(row["tenant_id"]))


def _ids_in(value: JobArgument) -> Sequence[UUID]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, UUID)]
