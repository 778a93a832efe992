"""The command line of a service: runs one of its processes."""

import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import Annotated

import typer
import uvloop

from waypost.engine.failpoints import arm_failpoints
from waypost.hosting.processes import ServiceProcess
from waypost.hosting.service import Service
from waypost.kernel.errors import PartEnded, WaypostError
from waypost.telemetry import logging, tracing

Run = Callable[[Service], Awaitable[None]]

FAILED, REFUSED = 1, 2
"""Exit codes of a process that failed while it ran, and of one that cannot start."""

MODULES: Mapping[ServiceProcess, str] = {
    ServiceProcess.MIGRATE: "waypost.hosting.migration",
    ServiceProcess.API: "waypost.hosting.api",
    ServiceProcess.WORKER: "waypost.hosting.worker",
    ServiceProcess.JOBS: "waypost.hosting.jobs",
    ServiceProcess.LIVE: "waypost.hosting.live",
}
"""The module of each `run_<process>`. A process imports only its own module."""


def load(process: ServiceProcess, service: Service) -> Run:
    """Imports the modules of a process, and the routes of an API. Returns the function that runs
    it.

    Failpoints are registered at import, so all modules must be loaded before points are armed.
    """
    run: Run = getattr(import_module(MODULES[process]), f"run_{process}")
    if process is ServiceProcess.API:
        _ = service.routers
    return run


def run(service: Service) -> None:
    """`python -m services.<service> migrate|api|worker|jobs|live`. Exits with 2 and prints the
    error if the process cannot start, and with 1 if a part of it has ended by itself: a supervisor
    that restarts failed processes starts this one again.
    """
    cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    @cli.command(help=f"Runs one process of the {service.name} service.")
    def start(process: Annotated[ServiceProcess, typer.Argument(help="The process to run.")]) -> None:
        logging.configure(service.name)
        try:
            tracing.configure(service.name, f"{process}@{socket.gethostname()}:{os.getpid()}")
            run_process = load(process, service)
            arm_failpoints()
            uvloop.run(_until_done(run_process, service))
        except WaypostError as problem:
            print(f"{service.name} {process}: {problem}", file=sys.stderr)  # noqa: T201 - output of a command
            raise typer.Exit(FAILED if isinstance(problem, PartEnded) else REFUSED) from problem

    cli()


async def _until_done(run_process: Run, service: Service) -> None:
    await run_process(service)
