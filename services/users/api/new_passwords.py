"""Passwords that people choose: easy ones are refused, and hashing takes turns (decision 0071)."""

from services.users.adapters.common_passwords import is_common
from services.users.api.context import Context
from services.users.domain import Tenant
from services.users.domain.password_rules import refuse_easy
from services.users.ports import Share
from waypost.kernel.ids import TenantId
from waypost.kernel.tenant import bound_tenants
from waypost.web.limited import Admission


async def require_strong(password: str, email: str, tenant_id: TenantId, context: Context) -> Tenant | None:
    """Raises PasswordTooCommon. Returns the tenant, None if it does not exist."""
    with bound_tenants([tenant_id]):
        async with context.bus.units.begin() as uow:
            tenant = await uow.find(Tenant, tenant_id)
    refuse_easy(password, is_common, [email, tenant.name] if tenant else [email])
    return tenant


def share_of(tenant_id: TenantId, admission: Admission, *, exists: bool) -> Share:
    """The turn of a caller without a token. Requests that name no existing tenant share one."""
    return Share(tenant=tenant_id if exists else None, network=admission.network)
