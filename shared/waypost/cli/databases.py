"""Connects a command to the services: opens them with the rights of their operator API, and sends
the command's spans to the services' trace exporter.

A command that only reads uses `waypost.cli.reads`, which loads less.
"""

import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from waypost.cli.answers import call_all, explained
from waypost.cli.reads import APPLICATION_NAME, DsnRole
from waypost.cli.services import brokers_of, chosen_services, environment_of, service_names, setting_of
from waypost.hosting.runtime import build_admin_service, runtime_for_command
from waypost.hosting.service import Service
from waypost.kernel.errors import WaypostError
from waypost.operations.admin_service import AdminService
from waypost.postgres.database import COMMAND_SECONDS, Database
from waypost.project import variable
from waypost.telemetry import tracing

ALL_SERVICES = "waypost"
"""Service name of the spans of a command that works on several services."""

T = TypeVar("T")


@asynccontextmanager
async def opened(service: str, role: DsnRole = "OPS", schemas: Sequence[str] = ()) -> AsyncIterator[Database]:
    """Opens one connection.

    Raises Transient if the database does not answer, NotFound before the first migration,
    Misconfigured if the password or the database name is wrong.
    """
    dsn = setting_of(service, variable(f"{role}_DSN"))
    limit = None if role == "OWNER" else COMMAND_SECONDS
    database = Database(dsn, application_name=APPLICATION_NAME, pool_size=1, schemas=schemas, command_seconds=limit)
    try:
        with explained(service):
            yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_admin_service(service: Service) -> AsyncIterator[AdminService]:
    """Opens the service with the same rights as its operator API. Raises the errors of `opened`."""
    dsn, bootstrap = setting_of(service.name, variable("APP_DSN")), brokers_of(service.name)
    async with runtime_for_command(service, dsn=dsn) as runtime, opened(service.name, schemas=service.schemas) as ops:
        yield build_admin_service(runtime, ops=ops, kafka_bootstrap=bootstrap)


async def ask_service(
    name: str | None, call: Callable[[AdminService], Awaitable[T]]
) -> tuple[Sequence[T], Sequence[WaypostError]]:
    """Calls `call` for the named service, or for all services concurrently. Returns the answers in
    the order of the services, and the errors of the services that did not answer.
    """

    async def call_one(service: Service) -> T:
        async with open_admin_service(service) as chosen:
            return await call(chosen)

    return await call_all(chosen_services(name), call_one)


def trace_as(service: str) -> None:
    """Sends the command's spans to the service's trace exporter, unless the command's environment
    names another. Call it before opening a database or a broker client.

    Raises Misconfigured.
    """
    settings = environment_of(service if service != ALL_SERVICES else service_names()[0])
    for name, value in settings.items():
        if name.startswith("OTEL_"):
            os.environ.setdefault(name, value)
    tracing.configure(service, f"command@{socket.gethostname()}:{os.getpid()}")
