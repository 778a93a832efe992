"""Requests that no route takes, told with what could be asked instead."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from waypost.web.problems import problem

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def unrouted(request: Request) -> Response:
    """404, or 405 with `Allow` where the path has routes for other methods (the framework names
    those of the first route alone).
    """
    allowed = ", ".join(method for method in _METHODS if _takes(request, method))
    if not allowed:
        return problem(404, "not-found", "No route has this path; GET /openapi.json lists those there are.")
    return problem(
        405, "method-not-allowed", f"This path takes {allowed}; not {request.method}.", headers={"Allow": allowed}
    )


def _takes(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
