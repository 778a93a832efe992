"""A process's parts, from the boot check to the last closed connection."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from waypost.engine.process import Lifecycle, Process
from waypost.hosting.foundation import Foundation
from waypost.hosting.service import Service
from waypost.hosting.settings import ProcessSettings
from waypost.hosting.startup_checks import refuse_incomplete, refuse_other_database
from waypost.postgres.budget import refuse_small_server
from waypost.web.app import create_health_app
from waypost.web.health import Check, Readiness
from waypost.web.server import HttpServer


async def run_parts(foundation: Foundation, parts: Sequence[Lifecycle], settings: ProcessSettings) -> None:
    """Runs until asked to stop.

    Raises Misconfigured for an incomplete declaration, a role that could see other tenants' rows, a server that is
    too small, and a database that differs from the code.
    """
    try:
        refuse_incomplete(foundation.service)
        await foundation.database.verify()
        async with foundation.database.transaction() as connection:
            await refuse_small_server(connection, settings.connection_budget)
            await refuse_other_database(connection, foundation.service)
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
