"""Opaque tokens: a secret that carries its tenant, known to this service by its hash alone."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from uuid import UUID

from shared.kernel.ids import TenantId

SECRET_BYTES = 32
_TENANT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class OpaqueToken:
    """64 URL-safe characters: the tenant's id, then 256 random bits. The tenant in it says where to look, never what is allowed."""

    tenant_id: TenantId
    text: str = field(repr=False)

    @classmethod
    def of(cls, tenant_id: TenantId, secret: bytes) -> Self:
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"a token holds {SECRET_BYTES} random bytes")
        return cls(tenant_id=tenant_id, text=base64.urlsafe_b64encode(tenant_id.bytes + secret).decode())

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The token that was handed in; None for anything that this service cannot have given out."""
        try:
            raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError:
            return None
        if len(raw) != _TENANT_BYTES + SECRET_BYTES:
            return None
        return cls(tenant_id=TenantId(UUID(bytes=raw[:_TENANT_BYTES])), text=text)

    @property
    def digest(self) -> bytes:
        """SHA-256. A slow hash would protect nothing: the secret cannot be guessed."""
        return hashlib.sha256(self.text.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedToken:
    """A one-time token on its way to the notifications service, which alone can open it and mail it."""

    digest: bytes = field(repr=False)
    sealing_key_id: str
    sealed: bytes = field(repr=False)
    """NaCl sealed box around the token's text."""
    expires_at: datetime
