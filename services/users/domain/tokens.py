"""Opaque tokens: a secret with its tenant's id. This service stores only the hash."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from waypost.kernel.ids import TenantId
from waypost.kernel.tenant_secret import read_tenant_secret, tenant_secret

SECRET_BYTES = 32
SESSION_LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpaqueToken:
    """64 URL-safe characters: the tenant's id, then 256 random bits."""

    tenant_id: TenantId
    text: str = field(repr=False)

    @classmethod
    def of(cls, tenant_id: TenantId, secret: bytes) -> Self:
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"a token holds {SECRET_BYTES} random bytes")
        return cls(tenant_id=tenant_id, text=tenant_secret(tenant_id, secret))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The token of a request, or None if this service cannot have issued it."""
        read = read_tenant_secret(text, SECRET_BYTES)
        return None if read is None else cls(tenant_id=read[0], text=text)

    @property
    def digest(self) -> bytes:
        """SHA-256. A slow hash would add nothing: the secret is random and cannot be guessed."""
        return hashlib.sha256(self.text.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedToken:
    """A one-time token for the notifications service, the only service that can open and mail
    it.
    """

    digest: bytes = field(repr=False)
    sealing_key_id: str
    sealed: bytes = field(repr=False)
    """NaCl sealed box with the token's text."""
    expires_at: datetime

    def link(self, tenant_id: UUID, user_id: UUID, *, email: str, locale: str, at: datetime) -> dict[str, Any]:
        """The fields of an event that has a link with the token mailed to a user."""
        return {
            "tenant_id": tenant_id,
            "user_id": user_id,
            "email": email,
            "locale": locale,
            "sealing_key_id": self.sealing_key_id,
            "sealed_token": self.sealed,
            "expires_at": self.expires_at,
            "requested_at": at,
        }
