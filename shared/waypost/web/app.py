"""The application factory: the HTTP API of each service."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import Scope

from waypost import VERSION
from waypost.engine.bus import Bus
from waypost.jobs.ended import EndedJobs, none_ended
from waypost.kernel.clock import Clock, SystemClock
from waypost.operations.admin_service import AdminService
from waypost.ports.idempotency import IdempotencyKeys
from waypost.ports.resources import OpenResources
from waypost.project import project
from waypost.web import errors, openapi, ops, request, route_index
from waypost.web.body import BodyCap
from waypost.web.client_network import ClientNetworks, Network
from waypost.web.docs import docs_router
from waypost.web.event_streams import Streams
from waypost.web.health import health_router
from waypost.web.limited import RequestLimits, classes_of
from waypost.web.probes import Readiness
from waypost.web.rate_limits import RateLimiter, RateSettings, refuse_unknown_limits
from waypost.web.read_own_writes import OwnWrites
from waypost.web.shared_reads import SharedReads
from waypost.web.tokens import KeysOf, TokenVerifier
from waypost.web.waits import Waits


def create_app(
    service: str,
    routers: Sequence[APIRouter],
    *,
    bus: Bus,
    keys: KeysOf,
    stored_responses: IdempotencyKeys,
    idempotency_secret: bytes,
    readiness: Readiness,
    resources: OpenResources = nullcontext,
    clock: Clock | None = None,
    admin_service: AdminService | None = None,
    rates: RateSettings | None = None,
    trusted_proxies: Sequence[Network] = (),
    own_writes: OwnWrites | None = None,
    ended_jobs: EndedJobs = none_ended,
) -> FastAPI:
    """Creates the API of a service. Routes access the bus, the resources and the time through
    `waypost.web.request`.

    `routers`: the service's own routes. `bus`: runs the commands. `keys`: source of the keys that
    verify tokens. `stored_responses`: storage of the responses to requests with an Idempotency-Key.
    `readiness`: checks of `/readyz`. `resources`: opened at start, available as
    `Context.resources`. `clock`: source of the time, by default the system clock.

    `admin_service`: the service for the routes under `/ops`; without it these routes do not exist.
    `rates`: changes of the rate limits that the routes declare; raises Misconfigured for an unknown
    one. `trusted_proxies`: networks whose `X-Forwarded-For` names the client. `own_writes`: the
    consumers that a read waits for; raises Misconfigured for a route that names another one.
    `ended_jobs`: asked by requests that wait for a job.

    `idempotency_secret`: 16 to 64 bytes, equal over restarts and replicas. It keys the hashes of
    request bodies that are stored with idempotency keys.
    """
    clock = clock or SystemClock()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with resources() as opened:
            app.state.resources = opened
            app.state.tokens = TokenVerifier(keys(opened), clock)
            yield

    app = routed(service, [*routers, *(ops.ROUTERS if admin_service else ())], readiness, lifespan)
    rates = rates or RateSettings()
    app.state.clients = ClientNetworks(trusted_proxies)
    app.state.rate_limits = RequestLimits(RateLimiter(rates), app.state.clients)
    refuse_unknown_limits(rates, classes_of(app.routes))
    app.state.ended_jobs = SharedReads(ended_jobs)
    if own_writes is not None:
        own_writes.refuse_unknown(app)
        app.state.own_writes = own_writes
    app.state.bus = bus
    app.state.stored_responses = stored_responses
    app.state.idempotency_secret = idempotency_secret
    app.state.clock = clock
    app.state.admin_service = admin_service
    return app


def routed(
    service: str, routers: Sequence[APIRouter], readiness: Readiness | None = None, lifespan: Any = None
) -> FastAPI:
    """All routes of a service's API without bus and resources, which `create_app` adds. Sufficient
    to generate the OpenAPI document.
    """
    app = _bare(service, lifespan)
    app.description = openapi.DESCRIPTION
    app.include_router(docs_router(app))
    for router in routers:
        app.include_router(router)
    app.include_router(health_router(service, readiness or Readiness()))
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
    app.state.waits = Waits()
    app.state.own_writes = OwnWrites()
    app.state.clients = ClientNetworks()
    app.state.rate_limits = RequestLimits(RateLimiter(), app.state.clients)
    errors.install(app)
    openapi.install(app)
    route_index.install(app.router)
    app.add_middleware(BodyCap)
    request.install(app)  # the last one added is the outermost
    return app


def _is_probe(scope: Scope) -> bool:
    return scope["path"] in request.UNLOGGED


_TELEMETRY: TelemetryConfig = {
    # Only the span of the request. The toolkit writes its own metrics and logs; the framework's
    # would contain client input.
    "tracing": True,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "exclude": _is_probe,
}
