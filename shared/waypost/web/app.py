"""The application factory: every service's HTTP API, and the probes of every other process."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import Scope

from waypost import VERSION
from waypost.engine.bus import Bus
from waypost.kernel.clock import Clock, SystemClock
from waypost.operations.admin_service import AdminService
from waypost.ports.idempotency import IdempotencyKeys
from waypost.project import project
from waypost.web import errors, openapi, ops, request
from waypost.web.body import BodyCap
from waypost.web.docs import docs_router
from waypost.web.health import Readiness, health_router
from waypost.web.streaming import Streams
from waypost.web.tokens import KeySource, TokenVerifier

OpenResources = Callable[[], AbstractAsyncContextManager[Any]]
"""Opens what a process needs beside the toolkit (an HTTP client, a mailer, keys); entered once at
start, left once at the end.
"""

KeysOf = Callable[[Any], KeySource]
"""Where tokens' keys come from, given the opened resources."""


def create_app(
    service: str,
    routers: Sequence[APIRouter],
    *,
    bus: Bus,
    keys: KeysOf,
    answers: IdempotencyKeys,
    idempotency_secret: bytes,
    readiness: Readiness,
    resources: OpenResources = nullcontext,
    clock: Clock | None = None,
    admin_service: AdminService | None = None,
) -> FastAPI:
    """A service's API. Routes find what they need of it through `waypost.web.edge`.

    `admin_service`: the service for the routes under `/ops`; without it there are none.
    `idempotency_secret`: 16 to 64 bytes that stay the same over restarts and replicas; keys the
    hashes of bodies beside idempotency keys.
    """
    clock = clock or SystemClock()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with resources() as opened:
            app.state.resources = opened
            app.state.tokens = TokenVerifier(keys(opened), clock)
            yield

    app = routed(service, [*routers, *(ops.ROUTERS if admin_service else ())], readiness, lifespan)
    app.state.bus = bus
    app.state.answers = answers
    app.state.idempotency_secret = idempotency_secret
    app.state.clock = clock
    app.state.admin_service = admin_service
    return app


def routed(
    service: str, routers: Sequence[APIRouter], readiness: Readiness | None = None, lifespan: Any = None
) -> FastAPI:
    """All routes of a service's API, with nothing behind them unless `create_app` puts it there;
    enough for its document.
    """
    app = _bare(service, lifespan)
    app.description = openapi.DESCRIPTION
    app.include_router(docs_router(app))
    for router in routers:
        app.include_router(router)
    app.include_router(health_router(service, readiness or Readiness()))
    return app


def create_health_app(service: str, readiness: Readiness) -> FastAPI:
    """Probes and metrics alone, for workers and job processes."""
    app = _bare(service, None)
    app.include_router(health_router(service, readiness))
    return app


def _bare(service: str, lifespan: Any) -> FastAPI:
    app = FastAPI(
        title=f"{project().title} {service}",
        responses=dict(openapi.FAILURES),
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_TELEMETRY,
    )
    app.state.streams = Streams()
    errors.install(app)
    openapi.install(app)
    app.add_middleware(BodyCap)
    request.install(app)  # the last one added is the outermost
    return app


def _is_probe(scope: Scope) -> bool:
    return scope["path"] in request.UNTOLD


_TELEMETRY: TelemetryConfig = {
    # The request's span alone; metrics and logs are ours, and the framework's would carry messages
    # with what was sent.
    "tracing": True,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "exclude": _is_probe,
}
