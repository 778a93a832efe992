"""What this service needs of the outside: passwords and keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from services.users.domain import OpaqueToken, SealedToken, User
from waypost.kernel.ids import TenantId
from waypost.web.tokens import KeySource


class Passwords(Protocol):
    async def hash(self, password: str) -> str:
        """A salted hash that names its own parameters. Raises Unavailable when too many wait
        already: hashing takes memory and time.
        """
        ...

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether it is the one that was hashed; takes the same time where there is no hash. Raises
        Unavailable like `hash`.
        """
        ...


class TokenSealer(Protocol):
    def seal(self, token: OpaqueToken, expires_at: datetime) -> SealedToken:
        """For the eyes of the notifications service alone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    text: str = field(repr=False)
    expires_in_seconds: int


class AccessTokens(Protocol):
    keys: KeySource
    """What the tokens are verified with here …"""
    published: Mapping[str, Any]
    """… and by others: the JWK set (RFC 7517)."""

    def issue(self, user: User, session_id: UUID, at: datetime) -> AccessToken:
        """A signed JWT (RFC 7519) that says who acts, for which tenant, in which role, and since
        which sign-in.
        """
        ...


class TenantIds(Protocol):
    def derived(self, idempotency_key: str) -> TenantId:
        """Always the same for one key, and not to be foretold by whoever does not hold this
        service's secret.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What routes find at `here.resources`."""

    passwords: Passwords
    sealer: TokenSealer
    access_tokens: AccessTokens
    tenant_ids: TenantIds


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResources:
    """What jobs find in their context's `resources`."""

    sealer: TokenSealer
