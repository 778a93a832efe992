"""Callers of an HTTP API, as the claims of their tokens name them (RFC 7519)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from waypost.kernel.errors import Forbidden, Unauthenticated
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.kernel.text import is_storable

OPERATOR_SCOPE = "ops"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A user of a tenant."""

    user_id: UUID
    tenant_id: TenantId
    role: Role
    scopes: frozenset[str] = frozenset()
    session_id: UUID | None = None
    """Id of the sign-in that issued the token."""

    @property
    def confined_to(self) -> UUID | None:
        """The user whose rows the caller may read: a member only their own, an admin all (None)."""
        return None if self.role.covers(Role.ADMIN) else self.user_id

    def may_see(self, user_id: UUID | None) -> bool:
        """True if the caller may read a row owned by `user_id`. None means a row without an owner,
        which only admins may read.
        """
        return self.confined_to in (None, user_id)

    def claims(self) -> Mapping[str, str]:
        """The claims that identify the user. `waypost.web.tokens.sign` adds issuer, audience, times
        and token id.
        """
        session = {"sid": str(self.session_id)} if self.session_id else {}
        return {
            "sub": str(self.user_id),
            "tenant_id": str(self.tenant_id),
            "role": self.role,
            "scope": " ".join(sorted(self.scopes)),
            **session,
        }

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> "Principal":
        """The user that a token's claims name. Raises Unauthenticated if the claims do not name a
        user and a tenant.
        """
        try:
            return cls(
                user_id=UUID(claims["sub"]),
                tenant_id=TenantId(UUID(claims["tenant_id"])),
                role=Role(claims["role"]),
                scopes=_scopes(claims),
                session_id=UUID(claims["sid"]) if "sid" in claims else None,
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise Unauthenticated("the token does not name a user and a tenant") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A person who operates the system. Belongs to no tenant."""

    name: str
    """Name in the audit."""

    def claims(self) -> Mapping[str, str]:
        """The claims that identify the operator. A token with them is valid for the operator routes
        of all services, but not for tenants' data.
        """
        return {"sub": self.name, "scope": OPERATOR_SCOPE}

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> "Operator":
        """The operator that a token's claims name. Raises Forbidden for a user's token,
        Unauthenticated for a name that the audit cannot store.
        """
        if OPERATOR_SCOPE not in _scopes(claims):
            raise Forbidden("this route requires an operator's token", scope=OPERATOR_SCOPE)
        if not is_storable(claims["sub"]):
            raise Unauthenticated("the token does not name an operator")
        return cls(name=claims["sub"])


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    scope = claims.get("scope", "")
    return frozenset(scope.split()) if isinstance(scope, str) else frozenset()
