"""Passwords that people choose: easy ones are refused, and hashing takes turns (decision 0071)."""

from services.users.adapters.common_passwords import is_common
from services.users.domain import Tenant
from services.users.domain.password_rules import refuse_easy
from services.users.ports import Share
from waypost.kernel.ids import TenantId
from waypost.web.limited import Admission


def require_strong(password: str, email: str, tenant: Tenant | None) -> None:
    """Raises PasswordTooCommon."""
    refuse_easy(password, is_common, [email] if tenant is None else [email, tenant.name])


def share_of(tenant_id: TenantId, admission: Admission, *, exists: bool) -> Share:
    """The turn of a caller without a token. Requests that name no existing tenant share one."""
    return Share(tenant=tenant_id if exists else None, network=admission.network)
