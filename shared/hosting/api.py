"""`python -m services.<service> api`"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from shared.hosting.foundation import Foundation, lay
from shared.hosting.running import run_parts
from shared.hosting.service import Service
from shared.hosting.settings import ApiSettings, load
from shared.postgres.idempotency import PostgresIdempotencyKeys
from shared.web.app import create_app
from shared.web.health import Readiness
from shared.web.keys import PublishedKeys
from shared.web.server import HttpServer
from shared.web.tokens import KeySource


async def run_api(service: Service) -> None:
    settings = load(ApiSettings)
    foundation = lay(service, "api", dsn=settings.app_dsn, pool_size=settings.pool_size)
    foundation.database.reserve("requests")
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

    return create_app(
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
