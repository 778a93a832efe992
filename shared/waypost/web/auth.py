"""Authentication by bearer token (RFC 6750). Binds the caller's tenant for the rest of the
request.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from fastapi import Depends
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from waypost.engine.bus import Bus
from waypost.kernel.actor import Actor, bind_actor
from waypost.kernel.cause import bind_cause, current_cause
from waypost.kernel.errors import Forbidden, Unauthenticated
from waypost.kernel.role import Role
from waypost.kernel.tenant import bind_tenants
from waypost.kernel.writes import show_writes_to
from waypost.web.limited import RequestLimits
from waypost.web.principal import Operator, Principal
from waypost.web.read_own_writes import wait_for_writes
from waypost.web.request import add_to_log
from waypost.web.tokens import TokenVerifier

_SAFE = frozenset(("GET", "HEAD"))


class _BearerToken(SecurityBase):
    """Base of the dependencies that verify a token. Each is one dependency, because the framework
    spends more on a dependency of a dependency than on the verification.
    """

    model = HTTPBearer(bearerFormat="JWT", description="Access token of `POST /login`.")
    scheme_name = "HTTPBearer"

    policy: str
    """Who may call a route with this dependency, for `waypost.web.policies`."""

    async def claims(self, request: Request) -> Mapping[str, Any]:
        """Raises Unauthenticated."""
        sent = request.headers.getlist("authorization")
        if len(sent) > 1:  # a gateway may have checked another one than this service would read
            raise Unauthenticated("the request has several Authorization headers: send one")
        scheme, _, token = "".join(sent).partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("the request has no token: send Authorization: Bearer …")
        verifier: TokenVerifier = request.app.state.tokens
        return await verifier.verify(token.strip())


class _AuthenticatedCaller(_BearerToken):
    """Returns the caller, and binds the caller's tenant while the route runs.

    Reads of the caller's own rows trust the token alone. For commands the bus looks the caller up,
    in the command's transaction. For an admin's reads this dependency looks the caller up. Raises
    Forbidden for a lower role, TokenRevoked, and RateLimitExceeded.
    """

    def __init__(self, role: Role | None = None) -> None:
        self._role = role
        self.policy = f"role {role}" if role else "any user"

    async def __call__(self, request: Request) -> Principal:
        # Runs in the request's own task, so the endpoint sees the bound context variables. They end
        # with the blocks of RequestMiddleware.
        claims = await self.claims(request)
        caller = Principal.of(claims)
        limits: RequestLimits = request.app.state.rate_limits
        limits.admit_caller(caller.user_id, caller.tenant_id)
        _bind(request, caller, claims)
        if request.method in _SAFE:
            await wait_for_writes(request, caller)  # first: the rows of the caller's rights may be among them
            if caller.confined_to is None:
                bus: Bus = request.app.state.bus
                await bus.authorize_reading()
        if self._role is not None and not caller.role.covers(self._role):
            raise Forbidden(f"this route requires the role {self._role}", role=caller.role)
        return caller


def _bind(request: Request, caller: Principal, claims: Mapping[str, Any]) -> None:
    tenant = str(caller.tenant_id)
    add_to_log(request.scope, tenant_id=tenant, user_id=str(caller.user_id))
    structlog.contextvars.bind_contextvars(tenant_id=tenant)
    bind_tenants([caller.tenant_id])
    show_writes_to(caller.tenant_id)
    bind_cause(current_cause()._replace(actor_id=caller.user_id))
    request.scope["state"]["token_expires_at"] = claims["exp"]
    bind_actor(_actor(caller, claims))


def _actor(caller: Principal, claims: Mapping[str, Any]) -> Actor:
    return Actor(
        user_id=caller.user_id,
        tenant_id=caller.tenant_id,
        role=caller.role,
        session_id=caller.session_id,
        issued_at=datetime.fromtimestamp(claims["nbf"], UTC),  # equal to `iat`, which is optional
    )


Caller = Annotated[Principal, Depends(_AuthenticatedCaller())]
"""A parameter of any route that requires a token. The caller's tenant is bound while the route
runs. Raises TokenRevoked.
"""


def require(role: Role) -> Any:
    """`admin: Annotated[Principal, require(Role.ADMIN)]`: a caller with this role or a higher one.
    Raises Forbidden.
    """
    return Depends(_AuthenticatedCaller(role))


AdminCaller = Annotated[Principal, require(Role.ADMIN)]
OwnerCaller = Annotated[Principal, require(Role.OWNER)]


class _KnownOperator(_BearerToken):
    """Raises the errors of `Operator.of`."""

    policy = "operator"

    async def __call__(self, request: Request) -> Operator:
        operator = Operator.of(await self.claims(request))
        add_to_log(request.scope, operator=operator.name)
        return operator


known_operator = _KnownOperator()

OperatorCaller = Annotated[Operator, Depends(known_operator)]
"""A parameter of any route that requires a token of `waypost operators token`. Binds no tenant."""


def policy_of(dependency: object) -> str | None:
    """Who may call a route with this dependency. None for a dependency that authenticates no
    caller.
    """
    return dependency.policy if isinstance(dependency, _BearerToken) else None
