"""Declares the rate limits of routes. A route without a token names its class of limits; it passes
the keys that only it knows to the admission:

    SIGN_IN = RouteClass(
        name="sign-in",
        reason="protects passwords from being guessed",
        rates={
            RateKey.NETWORK: Rate(requests=120, seconds=60),
            RateKey.ADDRESS: Rate(requests=30, seconds=60),
        },
    )

    @router.post("/login")
    async def login(body: SignIn, admission: Annotated[Admission, limited(SIGN_IN)]) -> Response:
        admission.address(body.tenant_id, body.email)

A route with a token needs no declaration: `waypost.web.auth` applies `SIGNED_IN`. It may name a
class for `RateKey.TENANT` in addition.
"""

from collections.abc import Hashable, Iterator
from typing import Any
from uuid import UUID

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.routing import BaseRoute

from waypost.web.client_network import ClientNetworks
from waypost.web.rate_limits import Rate, RateKey, RateLimiter, RouteClass

SIGNED_IN = RouteClass(
    name="signed-in",
    reason="keeps one caller or tenant from using the whole service",
    rates={RateKey.CALLER: Rate(requests=120_000, seconds=60), RateKey.TENANT: Rate(requests=240_000, seconds=60)},
)
"""All routes with an access token. The rates are above what one process serves, so they only bound
a flood; set lower ones for your load.
"""
PAGES = RouteClass(
    name="pages",
    reason="keeps one network from using the whole service",
    rates={RateKey.NETWORK: Rate(requests=1_200, seconds=60)},
)
"""Pages and documents without personal data."""


class RequestLimits:
    """The limiter of one application, and its view of clients."""

    def __init__(self, limiter: RateLimiter, clients: ClientNetworks) -> None:
        self.limiter = limiter
        self.clients = clients

    def admit_caller(self, user_id: UUID, tenant_id: UUID) -> None:
        """Raises RateLimitExceeded."""
        self.limiter.admit(SIGNED_IN, RateKey.CALLER, user_id)
        self.limiter.admit(SIGNED_IN, RateKey.TENANT, tenant_id)


class Admission:
    """An admitted request. The route passes the keys that only it knows."""

    def __init__(self, limiter: RateLimiter, routes: RouteClass, network: str) -> None:
        self._limiter = limiter
        self._routes = routes
        self.network = network
        """The client's network, as `ClientNetworks.network_of` returns it."""

    def tenant(self, tenant_id: UUID) -> None:
        """Raises RateLimitExceeded."""
        self._limiter.admit(self._routes, RateKey.TENANT, tenant_id)

    def caller(self, user_id: UUID) -> None:
        """Raises RateLimitExceeded."""
        self._limiter.admit(self._routes, RateKey.CALLER, user_id)

    def address(self, tenant_id: Hashable, email: str) -> None:
        """Raises RateLimitExceeded. Counts the same for addresses with and without an account, and
        apart for each network: others must not lock the owner of the address out.
        """
        self._limiter.admit(self._routes, RateKey.ADDRESS, (tenant_id, email, self.network))


class Limited:
    """The dependency of a route with limits."""

    def __init__(self, routes: RouteClass) -> None:
        self.routes = routes

    async def __call__(self, request: Request) -> Admission:
        limits: RequestLimits = request.app.state.rate_limits
        network = limits.clients.network_of(request.scope)
        limits.limiter.admit(self.routes, RateKey.NETWORK, network)
        return Admission(limits.limiter, self.routes, network)


def limited(routes: RouteClass) -> Any:
    """A parameter or a dependency of a route. A route with a token also has `SIGNED_IN`. Raises
    RateLimitExceeded.
    """
    return Depends(Limited(routes))


def network_of(request: Request) -> str:
    """The client's network, for a route with a token."""
    limits: RequestLimits = request.app.state.rate_limits
    return limits.clients.network_of(request.scope)


def classes_of(routes: list[BaseRoute]) -> Iterator[RouteClass]:
    """All classes that the routes declare, and `SIGNED_IN`."""
    yield SIGNED_IN
    for route in iter_route_contexts(routes):
        dependant = getattr(route, "dependant", None)
        if isinstance(dependant, Dependant):
            yield from declared(dependant)


def declared(dependant: Dependant) -> Iterator[RouteClass]:
    """The classes that the dependencies of a route declare."""
    for each in dependant.dependencies:
        if isinstance(each.call, Limited):
            yield each.call.routes
        yield from declared(each)
