"""The token in an unsubscribe link: whoever holds the mail may end the digests, and nothing else."""

import base64
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from shared.kernel.ids import TenantId

SECRET_BYTES = 20
_TENANT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeToken:
    """48 URL-safe characters: the tenant's id, which says where to look, then the user's 160 random bits."""

    tenant_id: TenantId
    secret: bytes = field(repr=False)

    @property
    def text(self) -> str:
        return base64.urlsafe_b64encode(self.tenant_id.bytes + self.secret).decode()

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The token of a link; None for anything that this service cannot have given out."""
        try:
            raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError:
            return None
        if len(raw) != _TENANT_BYTES + SECRET_BYTES:
            return None
        return cls(tenant_id=TenantId(UUID(bytes=raw[:_TENANT_BYTES])), secret=raw[_TENANT_BYTES:])
