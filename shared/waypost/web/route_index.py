"""Finds the route of a request in one step. The framework asks every route of every router in turn,
which costs more than everything else that it does for a request.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from re import Pattern
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from opentelemetry import trace
from starlette.convertors import Convertor
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from waypost.telemetry import names
from waypost.web.plain_route import plain_app
from waypost.web.unrouted import NOT_PUBLIC

_Key = tuple[str, str, int]
"""Method, first segment of the path, and number of its segments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedRoute:
    """A route, found by its path template."""

    path: str
    pattern: Pattern[str]
    convertors: Mapping[str, Convertor[Any]]
    endpoint: Callable[..., Any]
    app: ASGIApp | None
    """None for a route that only the router can serve, such as `/openapi.json`."""


class RouteIndex:
    """Serves the routes of a router. Leaves a request without an indexed route to the router, which
    serves it or answers 404 or 405.
    """

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        self._route_by_route = router.middleware_stack
        self._routes: Mapping[_Key, Sequence[IndexedRoute]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if NOT_PUBLIC in scope:
            raise HTTPException(404)
        app = self._select(scope) if scope["type"] == "http" and not scope.get("root_path") else None
        await (app or self._route_by_route)(scope, receive, send)

    def _select(self, scope: Scope) -> ASGIApp | None:
        """The application of the first route that matches. Sets the scope as the router does."""
        if self._routes is None:  # at the first request, when all routers are included
            self._routes = _indexed(self._router)
        path = scope["path"]
        for route in self._routes.get((scope["method"], *_shape(path)), ()):
            if match := route.pattern.match(path):
                values = {name: route.convertors[name].convert(text) for name, text in match.groupdict().items()}
                scope.update(route=route, endpoint=route.endpoint, path_params=values, router=self._router)
                _name_span(scope["method"], route.path)
                return route.app
        return None


def install(router: APIRouter) -> None:
    router.middleware_stack = RouteIndex(router)


def _indexed(router: APIRouter) -> Mapping[_Key, Sequence[IndexedRoute]]:
    """The routes by key, in the order of their declaration. Ends before a route that may match
    several keys, because an earlier route precedes the later ones.
    """
    index: dict[_Key, list[IndexedRoute]] = defaultdict(list)
    for route in iter_route_contexts(router.routes):
        path = route.path or ""
        first, segments = _shape(path)
        if "{" in first or ":path}" in path or not route.methods:
            break
        for method in route.methods:
            index[method, first, segments].append(_entry(route, path))
    return index


def _entry(route: RouteContext, path: str) -> IndexedRoute:
    return IndexedRoute(
        path=path,
        pattern=route.path_regex,
        convertors=route.param_convertors,
        endpoint=route.endpoint or _no_endpoint,
        app=plain_app(route) or (route.app if isinstance(route.original_route, APIRoute) else None),
    )


def _no_endpoint() -> None: ...


def _shape(path: str) -> tuple[str, int]:
    return path[1:].partition("/")[0], path.count("/")


def _name_span(method: str, path: str) -> None:
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attribute(names.HTTP_ROUTE, path)
        span.update_name(f"{method} {path}")
