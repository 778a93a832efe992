"""Authentication by bearer token (RFC 6750). Binds the caller's tenant for the rest of the
request.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from waypost.engine.bus import Bus
from waypost.kernel.actor import Actor, bound_actor
from waypost.kernel.cause import bound_cause, current_cause
from waypost.kernel.errors import Forbidden, Unauthenticated
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role
from waypost.kernel.tenant import bound_tenants
from waypost.kernel.text import is_storable
from waypost.web.request import add_to_log
from waypost.web.tokens import TokenVerifier

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
        """The claims of the user's token. `waypost.web.tokens.sign` adds the registered claims."""
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
        """Raises Unauthenticated if the claims do not name a user and a tenant."""
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
        """The claims of an operator's token. It is valid for the operator routes of all services,
        but not for tenants' data.
        """
        return {"sub": self.name, "scope": OPERATOR_SCOPE}

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> "Operator":
        """Raises Forbidden for a user's token, Unauthenticated for a name that the audit cannot
        store.
        """
        if OPERATOR_SCOPE not in _scopes(claims):
            raise Forbidden("this route requires an operator's token", scope=OPERATOR_SCOPE)
        if not is_storable(claims["sub"]):
            raise Unauthenticated("the token does not name an operator")
        return cls(name=claims["sub"])


_SAFE = frozenset(("GET", "HEAD"))

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="Access token of `POST /login`.")
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def _claims(request: Request, credentials: _Credentials) -> Mapping[str, Any]:
    if credentials is None:
        raise Unauthenticated("the request has no token: send Authorization: Bearer …")
    verifier: TokenVerifier = request.app.state.tokens
    return await verifier.verify(credentials.credentials)


_Claims = Annotated[Mapping[str, Any], Depends(_claims)]


async def _caller(request: Request, claims: _Claims) -> AsyncIterator[Principal]:
    # An async generator runs in the request's own task, so the endpoint sees the bound context
    # variables, and they end with the request.
    caller = Principal.of(claims)
    add_to_log(request.scope, tenant_id=str(caller.tenant_id), user_id=str(caller.user_id))
    cause = replace(current_cause(), actor_id=caller.user_id)
    logged = structlog.contextvars.bound_contextvars(tenant_id=str(caller.tenant_id))
    with bound_tenants([caller.tenant_id]), bound_cause(cause), bound_actor(_actor(caller, claims)), logged:
        if request.method in _SAFE and caller.confined_to is None:
            bus: Bus = request.app.state.bus
            await bus.authorize_reading()
        yield caller


def _actor(caller: Principal, claims: Mapping[str, Any]) -> Actor:
    return Actor(
        user_id=caller.user_id,
        role=caller.role,
        session_id=caller.session_id,
        issued_at=datetime.fromtimestamp(claims["nbf"], UTC),  # equal to `iat`, which is optional
    )


Caller = Annotated[Principal, Depends(_caller)]
"""A parameter of any route that requires a token. The caller's tenant is bound while the route
runs.

Reads of the caller's own rows trust the token alone. For commands the bus looks the caller up, in
the command's transaction. For an admin's reads this dependency looks the caller up. Raises
TokenRevoked.
"""


def require(role: Role) -> Any:
    """`admin: Annotated[Principal, require(Role.ADMIN)]`: a caller with this role or a higher one.
    Raises Forbidden.
    """

    async def allowed(caller: Caller) -> Principal:
        if not caller.role.covers(role):
            raise Forbidden(f"this route requires the role {role}", role=caller.role)
        return caller

    return Depends(allowed)


AdminCaller = Annotated[Principal, require(Role.ADMIN)]
OwnerCaller = Annotated[Principal, require(Role.OWNER)]


async def known_operator(request: Request, claims: _Claims) -> Operator:
    """Raises the errors of `Operator.of`."""
    operator = Operator.of(claims)
    add_to_log(request.scope, operator=operator.name)
    return operator


OperatorCaller = Annotated[Operator, Depends(known_operator)]
"""A parameter of any route that requires a token of `waypost operators token`. Binds no tenant."""


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    scope = claims.get("scope", "")
    return frozenset(scope.split()) if isinstance(scope, str) else frozenset()
