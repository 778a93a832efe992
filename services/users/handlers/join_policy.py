"""Who may join a tenant."""

from services.users.commands import SetJoinPolicy
from services.users.domain import Tenant
from waypost.ports.unit_of_work import UnitOfWork


async def set_join_policy(command: SetJoinPolicy, uow: UnitOfWork) -> Tenant:
    """Raises ConcurrencyConflict, TenantIsClosed."""
    tenant = await uow.load(Tenant, command.tenant_id)
    tenant.expect(command.expected_version)
    tenant.require_open()
    tenant.set_join_policy(command.policy, command.at)
    return tenant
