"""For operator routes of a service: rows of all tenants, and the audit of a change."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select

from waypost.jobs.tenant_directory import all_tenants
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.ids import TenantId
from waypost.operations.admin_service import AdminService
from waypost.ports.unit_of_work import UnitOfWork
from waypost.postgres.audit import record_action
from waypost.postgres.tenancy import some_at_a_time


async def latest_rows(
    service: AdminService,
    query: Select[Any],
    *,
    tenants: Sequence[TenantId] | None,
    latest: Callable[[Any], Any],
    limit: int,
    more_tenants: Sequence[TenantId] = (),
) -> Sequence[Row[Any]]:
    """The rows with the highest `latest`, of these tenants or of all. The query is run for groups
    of tenants, and orders and limits the rows of a group itself. `more_tenants`: tenants that are
    in no directory.
    """
    if tenants is None:
        async with service.ops.transaction() as connection:
            tenants = [*more_tenants, *await all_tenants(connection)]
    found: list[Row[Any]] = []
    for some in some_at_a_time(tenants):
        async with service.ops.transaction(some) as connection:
            found += (await connection.execute(query)).all()
    return sorted(found, key=latest, reverse=True)[:limit]


async def record_change(
    uow: UnitOfWork, audit_context: AuditContext, *, verb: str, subject: object, tenant_id: UUID, **facts: str | int
) -> None:
    """Writes one audit row in the transaction of the change."""
    await record_action(uow.rows, audit_context, verb=verb, subject=subject, tenant_id=tenant_id, **facts)
