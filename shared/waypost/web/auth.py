"""Authentication by bearer token (RFC 6750). Binds the caller's tenant for the rest of the
request.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from waypost.engine.bus import Bus
from waypost.kernel.actor import Actor, bind_actor
from waypost.kernel.cause import bind_cause, current_cause
from waypost.kernel.errors import Forbidden, Unauthenticated
from waypost.kernel.role import Role
from waypost.kernel.tenant import bind_tenants
from waypost.web.principal import Operator, Principal
from waypost.web.request import add_to_log
from waypost.web.tokens import TokenVerifier

_SAFE = frozenset(("GET", "HEAD"))

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="Access token of `POST /login`.")
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def _claims(request: Request, credentials: _Credentials) -> Mapping[str, Any]:
    if credentials is None:
        raise Unauthenticated("the request has no token: send Authorization: Bearer …")
    verifier: TokenVerifier = request.app.state.tokens
    return await verifier.verify(credentials.credentials)


_Claims = Annotated[Mapping[str, Any], Depends(_claims)]


async def _caller(request: Request, claims: _Claims) -> Principal:
    # Runs in the request's own task, so the endpoint sees the bound context variables. They end
    # with the blocks of RequestMiddleware.
    caller = Principal.of(claims)
    add_to_log(request.scope, tenant_id=str(caller.tenant_id), user_id=str(caller.user_id))
    structlog.contextvars.bind_contextvars(tenant_id=str(caller.tenant_id))
    bind_tenants([caller.tenant_id])
    bind_cause(current_cause()._replace(actor_id=caller.user_id))
    bind_actor(_actor(caller, claims))
    if request.method in _SAFE and caller.confined_to is None:
        bus: Bus = request.app.state.bus
        await bus.authorize_reading()
    return caller


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
