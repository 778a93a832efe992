"""Serializes the closing of a tenant with the commands that add people or links to it.

The order of locks is the same in all commands, so that the closing cannot deadlock with them: the
tenant, the credentials, then the rows of links, invitations and counts. A command that locks
credentials of one user alone needs no lock of the tenant: the closing waits for it there.
"""

from uuid import UUID

from services.users.domain import Tenant
from waypost.kernel.errors import NotFound
from waypost.ports.unit_of_work import UnitOfWork

# An advisory lock, because the role may update no row that every tenant has. Tenants whose hashes
# are equal only wait for each other.
_SHARED = "select pg_advisory_xact_lock_shared(hashtextextended('end of tenant ' || $1::text, 0))"
_EXCLUSIVE = "select pg_advisory_xact_lock(hashtextextended('end of tenant ' || $1::text, 0))"


async def lock_against_closing(tenant_id: UUID, uow: UnitOfWork) -> Tenant | None:
    """The tenant, open or closed, as it stays until this transaction ends: its closing waits for
    the transaction. None if it does not exist. Call it before anything else is locked or loaded.
    """
    await uow.query(_SHARED, str(tenant_id))
    return await uow.find(Tenant, tenant_id)


async def lock_bound_tenant(uow: UnitOfWork) -> Tenant | None:
    """Like `lock_against_closing`, for the tenant to which the transaction is bound."""
    return await lock_against_closing(next(iter(uow.tenants)), uow)


async def lock_open_tenant(tenant_id: UUID, uow: UnitOfWork) -> None:
    """Like `lock_against_closing`. Raises NotFound, TenantIsClosed."""
    tenant = await lock_against_closing(tenant_id, uow)
    if tenant is None:
        raise NotFound(f"there is no tenant {tenant_id}")
    tenant.require_open()


async def lock_for_closing(tenant_id: UUID, uow: UnitOfWork) -> Tenant:
    """The tenant, after all transactions that locked it against closing. Later ones wait for this
    one. Raises NotFound.
    """
    await uow.query(_EXCLUSIVE, str(tenant_id))
    return await uow.load(Tenant, tenant_id)
