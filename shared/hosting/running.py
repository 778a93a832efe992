"""A process's parts, from the boot check to the last closed connection."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from shared.engine.process import Lifecycle, Process
from shared.hosting.foundation import Foundation
from shared.hosting.service import Service
from shared.hosting.settings import ProcessSettings
from shared.postgres.budget import refuse_small_server
from shared.web.app import create_health_app
from shared.web.health import Check, Readiness
from shared.web.server import HttpServer


async def run_parts(foundation: Foundation, parts: Sequence[Lifecycle], settings: ProcessSettings) -> None:
    """Refuses a role that could see other tenants' rows and a server that is too small, then runs until asked to stop."""
    try:
        await foundation.database.verify()
        async with foundation.database.transaction() as connection:
            await refuse_small_server(connection, settings.connection_budget)
        await Process(parts).run()
    finally:
        await foundation.database.close()


async def run_with_probes(
    service: Service,
    foundation: Foundation,
    parts: Sequence[Lifecycle],
    settings: ProcessSettings,
    *,
    checks: Mapping[str, Check] = MappingProxyType({}),
) -> None:
    """The same for a process without an API: health and metrics answer on its port. `checks` are asked by readiness beside the database."""
    working = Process(parts)
    readiness = Readiness(unready=lambda: working.unready, checks={"postgres": foundation.database.verify, **checks})
    probes = HttpServer(
        create_health_app(service.name, readiness), host=settings.host, port=settings.service_port, name="probes"
    )
    await run_parts(foundation, [probes, *parts], settings)
