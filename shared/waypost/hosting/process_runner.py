"""Runs the parts of a process, from the startup checks to the last closed connection."""

import asyncio
import os
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import structlog

from waypost.engine.process import Lifecycle, Process
from waypost.hosting.runtime import Runtime
from waypost.hosting.service import Service
from waypost.hosting.settings import ProcessSettings
from waypost.hosting.startup_checks import refuse_incomplete, refuse_other_database, refuse_small_server
from waypost.web.probes import Check, Readiness, create_probes_app
from waypost.web.server import HttpServer

log = structlog.get_logger()


def exit_at_once() -> None:
    """Ends this process at once. Nothing is lost: work that is not committed is repeated, by
    another process or after the next start.
    """
    reporting = threading.Thread(target=_report, daemon=True)
    reporting.start()
    reporting.join(timeout=0.5)
    os._exit(1)


def _report() -> None:
    """In a thread, because the log may block, too: standard output may be a pipe that is full."""
    log.error("stop_deadline_exceeded")


async def run_parts(
    runtime: Runtime, parts: Sequence[Lifecycle], settings: ProcessSettings, *, ending: asyncio.Event
) -> None:
    """Runs the parts until a stop signal, which sets `ending`.

    Raises Misconfigured for an incomplete declaration, a role that bypasses row-level security, a
    server with too few connections, and a database that differs from the code.
    """
    try:
        refuse_incomplete(runtime.service)
        await runtime.database.verify()
        async with runtime.database.transaction() as connection:
            await refuse_small_server(connection, settings.connection_budget)
            await refuse_other_database(connection, runtime.service)
        await Process(parts, at_deadline=exit_at_once, ending=ending).run()
    finally:
        await runtime.database.close()


async def run_with_probes(
    service: Service,
    runtime: Runtime,
    parts: Sequence[Lifecycle],
    settings: ProcessSettings,
    *,
    checks: Mapping[str, Check] = MappingProxyType({}),
) -> None:
    """`run_parts` for a process without an API: serves health and metrics on its port. Readiness
    includes `checks` and the database.
    """
    process = Process(parts)
    readiness = Readiness(unready=lambda: process.unready, checks={"postgres": runtime.database.verify, **checks})
    probes = HttpServer(
        create_probes_app(service.name, readiness), host=settings.host, port=settings.service_port, name="probes"
    )
    await run_parts(runtime, [probes, *parts], settings, ending=readiness.ending)
