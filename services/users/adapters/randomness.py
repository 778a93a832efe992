"""Random secrets."""

import secrets

from services.users.domain import OpaqueToken
from services.users.domain.tokens import SECRET_BYTES
from waypost.kernel.ids import TenantId


def fresh_token(tenant_id: TenantId) -> OpaqueToken:
    return OpaqueToken.of(tenant_id, secrets.token_bytes(SECRET_BYTES))
