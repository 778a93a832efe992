"""`python -m services.<service> api`"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
from fastapi import FastAPI

from waypost.engine.outbox_limit import OutboxLimit
from waypost.hosting.asyncapi import asyncapi_of
from waypost.hosting.process_runner import run_parts
from waypost.hosting.runtime import Runtime, build_admin_service, build_runtime
from waypost.hosting.service import Service
from waypost.hosting.settings import ApiSettings, load
from waypost.jobs.ended import ended_jobs
from waypost.postgres.database import Database
from waypost.postgres.handled_events import PostgresHandledEvents
from waypost.postgres.idempotency import PostgresIdempotencyKeys
from waypost.postgres.overview import outbox_rows
from waypost.web import ops as operator_routes
from waypost.web.addresses import Address
from waypost.web.app import create_app, routed
from waypost.web.asyncapi import asyncapi_router
from waypost.web.certificates import trusted_certificates
from waypost.web.keys import PublishedKeys
from waypost.web.management import http_servers, refuse_hidden_routes, refuse_public_operator_routes
from waypost.web.policies import refuse_undeclared
from waypost.web.probes import Readiness
from waypost.web.read_own_writes import OwnWrites
from waypost.web.tokens import KeySource


async def run_api(service: Service) -> None:
    settings = load(ApiSettings)
    ops = operators_database(service, settings)
    outbox_limit = OutboxLimit(partial(outbox_rows, ops), rows=settings.outbox_cap_rows)
    runtime = build_runtime(
        service, "api", dsn=settings.app_dsn, pool_size=settings.pool_size, admit=outbox_limit.admit
    )
    runtime.database.reserve("requests")
    readiness = Readiness(checks={"postgres": runtime.database.verify})
    app = api_app(service, settings, runtime, ops=ops, readiness=readiness)
    public = Address(host=settings.host, port=settings.service_port)
    servers = http_servers(app, public, settings.management, public_documents=settings.public_documents)
    await run_parts(runtime, [runtime.wakeup_sender, *servers, outbox_limit], settings, ending=readiness.ending)


def operators_database(service: Service, settings: ApiSettings) -> Database:
    return Database(
        settings.ops_dsn,
        application_name=f"{service.name}-api-ops",
        pool_size=settings.ops_pool_size,
        schemas=service.schemas,
    )


def api_app(
    service: Service, settings: ApiSettings, runtime: Runtime, *, ops: Database, readiness: Readiness
) -> FastAPI:
    """Builds the service's FastAPI application. Also used by route tests. Closes the pool `ops` at
    shutdown. Raises Misconfigured for a route that does not declare who may call it, and for a
    route for operators outside of `/ops`.
    """
    http = httpx.AsyncClient(verify=trusted_certificates())

    @asynccontextmanager
    async def resources() -> AsyncIterator[Any]:
        async with service.api_resources() as opened, http, _checked(ops):
            yield opened

    def keys(opened: Any) -> KeySource:
        if service.token_keys is not None:
            return service.token_keys(opened)
        return PublishedKeys(settings.published_keys_url, http)

    app = create_app(
        service.name,
        service.routers,
        bus=runtime.bus,
        keys=keys,
        stored_responses=PostgresIdempotencyKeys(),
        idempotency_secret=settings.idempotency_secret.get_secret_value().encode(),
        readiness=readiness,
        resources=resources,
        clock=runtime.clock,
        rates=settings.rates,
        trusted_proxies=settings.trusted_proxies,
        ended_jobs=partial(ended_jobs, runtime.database),
        own_writes=OwnWrites(
            service.name,
            service.consumers,
            PostgresHandledEvents(runtime.database),
            authorization_reads=service.rights_consumers,
        ),
        admin_service=build_admin_service(runtime, ops=ops, kafka_bootstrap=settings.brokers),
    )
    _with_documents(service, app)
    refuse_undeclared(app)
    refuse_public_operator_routes(app)
    refuse_hidden_routes(app)
    return app


@asynccontextmanager
async def _checked(database: Database) -> AsyncIterator[None]:
    try:
        await database.verify()
        yield
    finally:
        await database.close()


def openapi_of(service: Service) -> Mapping[str, Any]:
    """The OpenAPI document of the service, generated without running it."""
    return documented(service).openapi()


def documented(service: Service) -> FastAPI:
    """The service's application with routes and pages but without a runtime, for the generated
    documents.
    """
    return _with_documents(service, routed(service.name, [*service.routers, *operator_routes.ROUTERS]))


def _with_documents(service: Service, app: FastAPI) -> FastAPI:
    app.state.examples = service.examples
    app.include_router(asyncapi_router(lambda: asyncapi_of(service)))
    return app
