"""Development users of an application whose tokens come from elsewhere. The local stack signs their
tokens.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from waypost.cli.services import stack_setting
from waypost.devstack.keys import read_signing_key
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.project import project, variable
from waypost.web.principal import Principal
from waypost.web.tokens import sign


def development_user(tenant: str, role: Role) -> Principal:
    """A user with the role in the tenant; the same ids for the same names, on every machine."""
    address = f"{project().problem_prefix}tenants/{tenant}"
    tenant_id = TenantId(uuid5(NAMESPACE_URL, address))
    return Principal(user_id=uuid5(tenant_id, role), tenant_id=tenant_id, role=role)


def development_token(user: Principal, lifetime: timedelta) -> str:
    """Signs a token of the user with the local stack's key. Raises Misconfigured if the stack has
    not written its settings yet.
    """
    key = read_signing_key(Path(stack_setting(variable("DEVELOPMENT_SIGNING_KEY"))))
    return sign(user.claims(), key, at=datetime.now(UTC), lifetime=lifetime)
