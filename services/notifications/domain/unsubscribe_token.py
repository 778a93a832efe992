"""The token of an unsubscribe link. It permits ending the optional mails of one
user, and nothing else.
"""

from dataclasses import dataclass, field
from typing import Self

from waypost.kernel.ids import TenantId
from waypost.kernel.tenant_secret import read_tenant_secret, tenant_secret

SECRET_BYTES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeToken:
    """48 URL-safe characters: the tenant's id, then the user's 160 random bits."""

    tenant_id: TenantId
    secret: bytes = field(repr=False)

    @property
    def text(self) -> str:
        return tenant_secret(self.tenant_id, self.secret)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The token of a link, or None if this service cannot have issued it."""
        read = read_tenant_secret(text, SECRET_BYTES)
        return None if read is None else cls(tenant_id=read[0], secret=read[1])
