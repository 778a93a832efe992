"""Responses to requests without a route: they name the existing methods, or the list of paths."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from waypost.web.problems import problem

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


LISTED = "The OpenAPI document lists the routes."
NOT_PUBLIC = "waypost.not_public"
"""Key of a scope whose path this port does not serve (`waypost.web.management`)."""


def unrouted(request: Request, existing: str = LISTED) -> Response:
    """404, or 405 with `Allow` if the path has routes for other methods. The framework's own 405
    names only the methods of the first route. `existing` says where the routes are listed.
    """
    if NOT_PUBLIC in request.scope:
        return problem(404, "not-found", f"No route has this path. {existing}")
    allowed = ", ".join(method for method in _METHODS if _matches(request, method))
    if not allowed:
        return problem(404, "not-found", f"No route has this path. {existing}")
    return problem(
        405, "method-not-allowed", f"This path supports {allowed}, not {request.method}.", headers={"Allow": allowed}
    )


def _matches(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
