"""`python -m services.<service> api`"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from shared.hosting.asyncapi import asyncapi_of
from shared.hosting.foundation import Foundation, lay
from shared.hosting.running import run_parts
from shared.hosting.service import Service
from shared.hosting.settings import ApiSettings, load
from shared.postgres.idempotency import PostgresIdempotencyKeys
from shared.web.app import create_app, routed
from shared.web.asyncapi import asyncapi_router
from shared.web.health import Readiness
from shared.web.keys import PublishedKeys
from shared.web.server import HttpServer
from shared.web.tokens import KeySource


async def run_api(service: Service) -> None:
    settings = load(ApiSettings)
    foundation = lay(service, "api", dsn=settings.app_dsn, pool_size=settings.pool_size)
    server = HttpServer(api_app(service, settings, foundation), host=settings.host, port=settings.service_port)
    await run_parts(foundation, [foundation.doorbell, server])


def api_app(service: Service, settings: ApiSettings, foundation: Foundation) -> FastAPI:
    """The service's HTTP API over a foundation; also what tests of the routes talk to."""
    http = httpx.AsyncClient()

    @asynccontextmanager
    async def resources() -> AsyncIterator[Any]:
        async with service.api_resources() as opened, http:
            yield opened

    def keys(opened: Any) -> KeySource:
        if service.token_keys is not None:
            return service.token_keys(opened)
        return PublishedKeys(settings.published_keys_url, http)

    app = create_app(
        service.name,
        service.routers,
        bus=foundation.bus,
        keys=keys,
        answers=PostgresIdempotencyKeys(),
        answer_secret=settings.answer_secret.get_secret_value().encode(),
        readiness=Readiness(checks={"postgres": foundation.database.verify}),
        resources=resources,
        clock=foundation.clock,
    )
    return _with_events(service, app)


def openapi_of(service: Service) -> Mapping[str, Any]:
    """What it answers at `/openapi.json`, without running it."""
    return documented(service).openapi()


def documented(service: Service) -> FastAPI:
    """Its routes and pages with nothing behind them: enough for what it says of itself."""
    return _with_events(service, routed(service.name, service.routers))


def _with_events(service: Service, app: FastAPI) -> FastAPI:
    app.include_router(asyncapi_router(lambda: asyncapi_of(service)))
    return app
