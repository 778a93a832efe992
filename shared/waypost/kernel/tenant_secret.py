"""A secret and its tenant's id in one text. The id selects the tenant in which the secret is looked
up; it grants nothing.
"""

import base64
from uuid import UUID

from waypost.kernel.ids import TenantId

_TENANT_BYTES = 16


def tenant_secret(tenant_id: TenantId, secret: bytes) -> str:
    """The text: URL-safe base64; without padding if the total of bytes is a multiple of 3."""
    return base64.urlsafe_b64encode(tenant_id.bytes + secret).decode()


def read_tenant_secret(text: str, secret_bytes: int) -> tuple[TenantId, bytes] | None:
    """The tenant and the secret; None for any text that does not encode a secret of this length."""
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except ValueError:
        return None
    if len(raw) != _TENANT_BYTES + secret_bytes:
        return None
    return TenantId(UUID(bytes=raw[:_TENANT_BYTES])), raw[_TENANT_BYTES:]
