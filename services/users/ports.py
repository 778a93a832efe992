"""The service's ports: passwords, tokens and keys."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from services.users.domain import OpaqueToken, SealedToken, User
from waypost.kernel.ids import TenantId
from waypost.web.tokens import KeySource


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Whose turn the work takes."""

    tenant: Hashable = None
    """None for all requests that name no existing tenant: they share the turns of one tenant."""
    network: Hashable = None


SHARED = Share()
"""Of callers without an origin, such as commands."""


class Passwords(Protocol):
    async def hash(self, password: str, share: Share = SHARED) -> str:
        """A salted hash that contains its parameters. Raises Unavailable when too many callers of
        this origin wait: hashing takes memory and time.
        """
        ...

    async def matches(self, password: str, password_hash: str | None, share: Share = SHARED) -> bool:
        """Whether the password matches the hash; takes the same time without a hash. Raises
        Unavailable like `hash`.
        """
        ...


class TokenSealer(Protocol):
    def seal(self, token: OpaqueToken, expires_at: datetime) -> SealedToken:
        """Encrypts the token for the notifications service only."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    text: str = field(repr=False)
    expires_in_seconds: int


class AccessTokens(Protocol):
    keys: KeySource
    """The keys that verify the tokens in this service."""

    @property
    def published(self) -> Mapping[str, Any]:
        """The public keys for other services: the JWK set (RFC 7517)."""
        ...

    def issue(self, user: User, session_id: UUID, at: datetime) -> AccessToken:
        """A signed JWT (RFC 7519) with the user, the tenant, the role and the session."""
        ...


class TenantIds(Protocol):
    def derived(self, idempotency_key: str, email: str) -> TenantId:
        """The tenant id of an idempotency key and its owner's address, always the same for both.
        It cannot be predicted without this service's secret.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Resources of routes (`context.resources`)."""

    passwords: Passwords
    sealer: TokenSealer
    access_tokens: AccessTokens
    tenant_ids: TenantIds


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResources:
    """Resources of jobs (`JobContext.resources`)."""

    sealer: TokenSealer
