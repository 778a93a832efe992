"""The lock of a tenant between its end and the commands that add people or links to it.

The order of locks is the same in all commands, so that the end cannot deadlock with them: the
tenant, the credentials, then the rows of links, invitations and counts. A command that locks
credentials of one user alone needs no lock of the tenant: the end waits for it there.
"""

from uuid import UUID

from services.users.domain import Tenant
from waypost.kernel.errors import NotFound
from waypost.ports.unit_of_work import UnitOfWork

# A lock by name, because this role may update no row that each tenant has. Tenants with one hash
# only wait for each other.
_KEEP_OPEN = "select pg_advisory_xact_lock_shared(hashtextextended('end of tenant ' || $1::text, 0))"
_END = "select pg_advisory_xact_lock(hashtextextended('end of tenant ' || $1::text, 0))"


async def keep_open(tenant_id: UUID, uow: UnitOfWork) -> Tenant | None:
    """The tenant as it is until this transaction ends: its end waits for it. None if it does not
    exist. Call it before anything else is locked or loaded.
    """
    await uow.query(_KEEP_OPEN, str(tenant_id))
    return await uow.find(Tenant, tenant_id)


async def require_open(tenant_id: UUID, uow: UnitOfWork) -> None:
    """Like `keep_open`. Raises NotFound, TenantIsClosed."""
    tenant = await keep_open(tenant_id, uow)
    if tenant is None:
        raise NotFound(f"there is no tenant {tenant_id}")
    tenant.require_open()


async def lock_for_the_end(tenant_id: UUID, uow: UnitOfWork) -> Tenant:
    """The tenant, after all transactions that keep it open. Later ones wait for this one. Raises
    NotFound.
    """
    await uow.query(_END, str(tenant_id))
    return await uow.load(Tenant, tenant_id)
