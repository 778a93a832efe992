"""Who is asking, from the bearer token (RFC 6750); binds their tenant for the rest of the request."""

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
from waypost.web.request import tell
from waypost.web.tokens import TokenVerifier

OPERATOR_SCOPE = "ops"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person, in their tenant."""

    user_id: UUID
    tenant_id: TenantId
    role: Role
    scopes: frozenset[str] = frozenset()
    session_id: UUID | None = None
    """Of which sign-in the token is."""

    @property
    def confined_to(self) -> UUID | None:
        """Whose rows they may see: members their own, admins everybody's (None)."""
        return None if self.role.covers(Role.ADMIN) else self.user_id

    def may_see(self, user_id: UUID | None) -> bool:
        """Whether what is this user's; what is nobody's (None) is for admins."""
        return self.confined_to in (None, user_id)

    def claims(self) -> Mapping[str, str]:
        """What a token says of them; `waypost.web.tokens.sign` adds the rest."""
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
        """Raises Unauthenticated where the claims do not name a person and a tenant."""
        try:
            return cls(
                user_id=UUID(claims["sub"]),
                tenant_id=TenantId(UUID(claims["tenant_id"])),
                role=Role(claims["role"]),
                scopes=_scopes(claims),
                session_id=UUID(claims["sid"]) if "sid" in claims else None,
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise Unauthenticated("the token names no user of a tenant") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Someone who runs the system; has no tenant."""

    name: str
    """For the audit."""

    def claims(self) -> Mapping[str, str]:
        """What a token says of them: it opens the operator routes of all services, and no tenant's
        data.
        """
        return {"sub": self.name, "scope": OPERATOR_SCOPE}

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> "Operator":
        """Raises Forbidden for a tenant's token, Unauthenticated for a name that the audit could
        not hold.
        """
        if OPERATOR_SCOPE not in _scopes(claims):
            raise Forbidden("this takes an operator's token", scope=OPERATOR_SCOPE)
        if not is_storable(claims["sub"]):
            raise Unauthenticated("the token names no operator")
        return cls(name=claims["sub"])


_SAFE = frozenset(("GET", "HEAD"))

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="Access token of `POST /login`.")
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def _claims(request: Request, credentials: _Credentials) -> Mapping[str, Any]:
    if credentials is None:
        raise Unauthenticated("send a token: Authorization: Bearer …")
    verifier: TokenVerifier = request.app.state.tokens
    return await verifier.verify(credentials.credentials)


_Claims = Annotated[Mapping[str, Any], Depends(_claims)]


async def _caller(request: Request, claims: _Claims) -> AsyncIterator[Principal]:
    # An async generator runs in the request's own task: what it binds is seen by the endpoint, and
    # ends with the request.
    caller = Principal.of(claims)
    tell(request.scope, tenant_id=str(caller.tenant_id), user_id=str(caller.user_id))
    cause = replace(current_cause(), actor_id=caller.user_id)
    told = structlog.contextvars.bound_contextvars(tenant_id=str(caller.tenant_id))
    with bound_tenants([caller.tenant_id]), bound_cause(cause), bound_actor(_actor(caller, claims)), told:
        if request.method in _SAFE and caller.confined_to is None:
            bus: Bus = request.app.state.bus
            await bus.authorize_reading()
        yield caller


def _actor(caller: Principal, claims: Mapping[str, Any]) -> Actor:
    return Actor(
        user_id=caller.user_id,
        role=caller.role,
        session_id=caller.session_id,
        issued_at=datetime.fromtimestamp(claims["nbf"], UTC),  # the same moment as `iat`, which is not required
    )


Caller = Annotated[Principal, Depends(_caller)]
"""A parameter of any route that needs a token; its tenant is bound while the route runs.

The token is believed for what is the caller's own to read. All else is done only for a caller who
is looked up: commands by the bus, in their own transaction, and here what admins read. Raises
TokenRevoked.
"""


def require(role: Role) -> Any:
    """`admin: Annotated[Principal, require(Role.ADMIN)]`: a caller of that role or a higher one.
    Raises Forbidden.
    """

    async def allowed(caller: Caller) -> Principal:
        if not caller.role.covers(role):
            raise Forbidden(f"this takes the role {role}", role=caller.role)
        return caller

    return Depends(allowed)


AdminCaller = Annotated[Principal, require(Role.ADMIN)]
OwnerCaller = Annotated[Principal, require(Role.OWNER)]


async def known_operator(request: Request, claims: _Claims) -> Operator:
    """Raises what `Operator.of` raises."""
    operator = Operator.of(claims)
    tell(request.scope, operator=operator.name)
    return operator


OperatorCaller = Annotated[Operator, Depends(known_operator)]
"""Whoever holds a token of `waypost operators token`. Binds no tenant."""


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    scope = claims.get("scope", "")
    return frozenset(scope.split()) if isinstance(scope, str) else frozenset()
