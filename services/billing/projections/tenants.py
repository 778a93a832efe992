"""All tenants, as the users service tells of them."""

from collections.abc import Sequence

from sqlalchemy import bindparam, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.users import TenantClosed, TenantCreated, TenantRenamed
from services.billing.tables import TENANTS, tenant_directory
from shared.kernel.envelope import Envelope
from shared.ports.handlers import Projector

OPEN, CLOSED = "open", "closed"


async def add_tenants(created: Sequence[Envelope[TenantCreated]], rows: AsyncConnection) -> None:
    await rows.execute(
        insert(tenant_directory),
        [{"tenant_id": each.tenant_id, "name": each.event.name, "status": OPEN} for each in created],
    )


async def rename_tenants(renamed: Sequence[Envelope[TenantRenamed]], rows: AsyncConnection) -> None:
    await rows.execute(
        update(tenant_directory)
        .where(tenant_directory.c.tenant_id == bindparam("of_tenant"))
        .values(name=bindparam("new_name")),
        [{"of_tenant": each.tenant_id, "new_name": each.event.name} for each in renamed],
    )


async def close_tenants(closed: Sequence[Envelope[TenantClosed]], rows: AsyncConnection) -> None:
    await rows.execute(
        update(tenant_directory)
        .where(tenant_directory.c.tenant_id.in_([each.tenant_id for each in closed]))
        .values(status=CLOSED)
    )


TENANT_DIRECTORY = Projector(
    "tenants",
    {TenantCreated: add_tenants, TenantRenamed: rename_tenants, TenantClosed: close_tenants},
    TENANTS,
)
