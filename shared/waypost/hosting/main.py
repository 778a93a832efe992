"""The command line of a service: one process a call."""

import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

import typer
import uvloop

from waypost.engine.failpoints import arm_failpoints
from waypost.hosting.api import run_api
from waypost.hosting.jobs import run_jobs
from waypost.hosting.live import run_live
from waypost.hosting.processes import ServiceProcess
from waypost.hosting.service import Service
from waypost.hosting.settings import MigrateSettings, load
from waypost.hosting.worker import run_worker
from waypost.kernel.errors import WaypostError
from waypost.postgres.migrate import migrate
from waypost.telemetry import logging, tracing


async def _migrate(service: Service) -> None:
    await migrate(service.name, load(MigrateSettings).owner_dsn)


RUN: Mapping[ServiceProcess, Callable[[Service], Awaitable[None]]] = {
    ServiceProcess.MIGRATE: _migrate,
    ServiceProcess.API: run_api,
    ServiceProcess.WORKER: run_worker,
    ServiceProcess.JOBS: run_jobs,
    ServiceProcess.LIVE: run_live,
}


def run(service: Service) -> None:
    """`python -m services.<service> migrate|api|worker|jobs|live`. Exits with 2, and says what to set, where it cannot start."""
    cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    @cli.command(help=f"Runs one process of the {service.name} service.")
    def start(process: Annotated[ServiceProcess, typer.Argument(help="Which one.")]) -> None:
        logging.configure(service.name)
        tracing.configure(service.name, f"{process}@{socket.gethostname()}:{os.getpid()}")
        try:
            arm_failpoints()
            uvloop.run(_until_done(service, process))
        except WaypostError as problem:
            print(f"{service.name} {process}: {problem}", file=sys.stderr)  # noqa: T201 - for whoever started it
            raise typer.Exit(2) from problem

    cli()


async def _until_done(service: Service, process: ServiceProcess) -> None:
    await RUN[process](service)
