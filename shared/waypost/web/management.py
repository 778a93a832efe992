"""Routes for operators, monitoring and developers. A separate port serves them, so that the port
that a gateway publishes answers 404 there.

The probes `/livez` and `/readyz` belong to no such group: every port serves them.
"""

from collections.abc import Collection, Sequence

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from waypost.kernel.errors import Misconfigured
from waypost.web.addresses import Address
from waypost.web.auth import known_operator
from waypost.web.policies import RoutePolicy, policies
from waypost.web.server import HttpServer
from waypost.web.unrouted import NOT_PUBLIC

MANAGEMENT_SEGMENTS = frozenset({"metrics", "version", "ops"})
"""First segments of the paths of monitoring and of operators."""
DOCUMENT_SEGMENTS = frozenset({"", "docs", "openapi.json", "asyncapi", "asyncapi.json"})
"""First segments of the documents. The empty one is the redirect from `/`."""


class PublicRoutes:
    """The application without some of its routes: it answers 404 there, as to an unknown path."""

    def __init__(self, app: ASGIApp, hidden: Collection[str]) -> None:
        """`hidden`: first segments of paths."""
        self._app = app
        self._hidden = frozenset(hidden)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and first_segment(scope["path"]) in self._hidden:
            scope[NOT_PUBLIC] = True
        await self._app(scope, receive, send)


def first_segment(path: str) -> str:
    """Without a final line break: the router ignores one (`$` of a regular expression)."""
    return path[1:].partition("/")[0].removesuffix("\n")


def http_servers(
    app: FastAPI, public: Address, management: Address | None, *, public_documents: bool = False
) -> Sequence[HttpServer]:
    """The servers of an API, in the order of their start. `management` serves every route, so that
    the forms of the documents work there; `public` serves all but those of management, and the
    documents only with `public_documents`. Without `management`, `public` serves every route.

    The management server opens the application's resources, and stays until the public one has
    drained: metrics are available to the end.
    """
    if management is None:
        return [HttpServer(app, host=public.host, port=public.port)]
    hidden = MANAGEMENT_SEGMENTS if public_documents else MANAGEMENT_SEGMENTS | DOCUMENT_SEGMENTS
    return [
        HttpServer(
            app,
            host=management.host,
            port=management.port,
            name="management",
            port_setting="MANAGEMENT_ADDRESS",
            port_remedy="a free port, or to `public` to serve these routes on the public port",
        ),
        HttpServer(app, host=public.host, port=public.port, filtered_app=PublicRoutes(app, hidden)),
    ]


def refuse_hidden_routes(app: FastAPI) -> None:
    """Raises Misconfigured with one line for each of the application's own routes for clients that
    the public port would hide.
    """
    hidden = [
        f"{', '.join(sorted(route.methods))} {route.path}"
        for route in policies(app)
        if route.is_own
        and not _is_for_operators(route)
        and first_segment(route.path) in MANAGEMENT_SEGMENTS | DOCUMENT_SEGMENTS
    ]
    if hidden:
        raise Misconfigured(
            "\n".join(["the public port would answer 404 to these routes:", *map("  {}".format, hidden)])
            + "\nGive them a path that begins otherwise: "
            + ", ".join(f"/{segment}" for segment in sorted(MANAGEMENT_SEGMENTS | DOCUMENT_SEGMENTS))
            + " belong to the toolkit",
            routes=hidden,
        )


def refuse_public_operator_routes(app: FastAPI) -> None:
    """Raises Misconfigured with one line for each route for operators that the public port would
    serve.
    """
    exposed = [
        f"{', '.join(sorted(route.methods))} {route.path}"
        for route in policies(app)
        if _is_for_operators(route) and first_segment(route.path) not in MANAGEMENT_SEGMENTS
    ]
    if exposed:
        raise Misconfigured(
            "\n".join(
                ["these routes are for operators, and the public port would serve them:", *map("  {}".format, exposed)]
            )
            + "\nGive them a path that begins with /ops/, which the management port alone serves",
            routes=exposed,
        )


def _is_for_operators(route: RoutePolicy) -> bool:
    return known_operator.policy in (route.policy or "").split(" and ")
