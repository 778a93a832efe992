"""The policy of each route: who may call it. A route without one is refused at the start, so that a
forgotten parameter `caller` opens no data.

@router.post("/signup")
@public("anyone may register; the address is verified by mail")
async def sign_up(...) -> Response: ...
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from waypost.kernel.errors import Misconfigured
from waypost.web.auth import policy_of

F = TypeVar("F", bound=Callable[..., Any])

_REASON = "waypost_public_reason"


def public(reason: str) -> Callable[[F], F]:
    """Declares that the route needs no token, and why. Write it below the router's decorator."""
    if not reason.strip():
        raise ValueError("a public route needs a reason")

    def declared(endpoint: F) -> F:
        setattr(endpoint, _REASON, reason)
        return endpoint

    return declared


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePolicy:
    methods: frozenset[str]
    path: str
    policy: str | None
    """Such as `role admin`, `operator`, or `public: <reason>`. None if the route declares none."""
    is_own: bool
    """Whether the application declares it, and not the toolkit or the framework."""


def policies(app: FastAPI) -> Iterator[RoutePolicy]:
    """The policy of every route of the application. The framework's own `/openapi.json` has none,
    because the application does not declare it.
    """
    for route in iter_route_contexts(app.router.routes):
        if not isinstance(route.original_route, APIRoute):
            if route.path == app.openapi_url:
                continue
            policy = None
        else:
            policy = _policy(route)
        yield RoutePolicy(
            methods=frozenset(route.methods or ()), path=route.path or "", policy=policy, is_own=_is_own(route)
        )


def _is_own(route: RouteContext) -> bool:
    module = getattr(route.endpoint, "__module__", None) or ""
    return module.partition(".")[0] not in ("waypost", "fastapi", "starlette")


def _policy(route: RouteContext) -> str | None:
    policies_of_callers = sorted(
        {policy for each in _dependencies(route.dependant) if (policy := policy_of(each.call))}
    )
    reason = getattr(route.endpoint, _REASON, None)
    if policies_of_callers:
        return None if reason else " and ".join(policies_of_callers)  # both contradict each other
    return f"public: {reason}" if reason else None


def _dependencies(dependant: Dependant) -> Iterator[Dependant]:
    for each in dependant.dependencies:
        yield each
        yield from _dependencies(each)


def refuse_undeclared(app: FastAPI) -> None:
    """Raises Misconfigured with one line for each route without a policy."""
    undeclared = [route for route in policies(app) if route.policy is None]
    if undeclared:
        lines = [f"  {', '.join(sorted(route.methods))} {route.path}" for route in undeclared]
        raise Misconfigured(
            "\n".join(["these routes do not declare who may call them, so they are not served:", *lines])
            + "\nAdd a parameter `caller: Caller` (or AdminCaller, OwnerCaller, OperatorCaller; waypost.web.auth)."
            " If a route needs no token, declare it with @public(<reason>) (waypost.web.policies) instead",
            routes=[f"{', '.join(sorted(route.methods))} {route.path}" for route in undeclared],
        )
