"""Connects a command to the services: opens the services' databases, and sends the command's spans
to the services' trace exporter.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Literal, TypeVar

import asyncpg
from sqlalchemy.exc import DBAPIError

from waypost.cli.services import chosen_services, environment_of, service_names, setting_of, start_hint
from waypost.hosting.runtime import build_admin_service, runtime_for_command
from waypost.hosting.service import Service
from waypost.kernel.errors import Misconfigured, NotFound, WaypostError
from waypost.operations.admin_service import AdminService
from waypost.postgres.database import COMMAND_SECONDS, Database
from waypost.postgres.failures import sqlstate
from waypost.project import variable
from waypost.telemetry import tracing

APPLICATION_NAME = "waypost-command"

Role = Literal["OPS", "OWNER"]
"""OPS reads operational tables over all tenants. Only OWNER reads the events of all tenants."""

ALL_SERVICES = "waypost"
"""Service name of the spans of a command that works on several services."""

T = TypeVar("T")


@asynccontextmanager
async def opened(service: str, role: Role = "OPS", schemas: Sequence[str] = ()) -> AsyncIterator[Database]:
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
    dsn, bootstrap = (setting_of(service.name, variable(name)) for name in ("APP_DSN", "KAFKA_BOOTSTRAP"))
    async with runtime_for_command(service, dsn=dsn) as runtime, opened(service.name, schemas=service.schemas) as ops:
        yield build_admin_service(runtime, ops=ops, kafka_bootstrap=bootstrap)


async def ask_service(
    name: str | None, ask: Callable[[AdminService], Awaitable[T]]
) -> tuple[Sequence[T], Sequence[WaypostError]]:
    """Calls `ask` for the named service, or for all services concurrently. Returns the answers in
    the order of the services, and the errors of the services that did not answer.
    """

    async def ask_one(service: Service) -> T:
        async with open_admin_service(service) as chosen:
            return await ask(chosen)

    return await ask_all(chosen_services(name), ask_one)


@contextmanager
def explained(service: str) -> Iterator[None]:
    """Raises an error of PostgreSQL with a remedy for the operator."""
    try:
        yield
    except (DBAPIError, asyncpg.PostgresError) as error:
        match sqlstate(error):
            case "42P01":
                raise NotFound(
                    f"{service} has no tables yet: its migrations have not run. The stack runs them at start. {start_hint()}"
                ) from error
            case "3D000" | "28P01" | "28000":
                raise Misconfigured(
                    f"PostgreSQL refused the connection to the database of {service}: {error}."
                    f" {service}.env belongs to another stack or an older one. The stack writes the file at start. {start_hint()}"
                ) from error
        raise


async def ask_all(
    services: Sequence[Service], ask: Callable[[Service], Awaitable[T]]
) -> tuple[Sequence[T], Sequence[WaypostError]]:
    """Calls `ask` for all services concurrently. Returns the answers in the order of the services,
    and the errors of the services that did not answer.
    """
    results = await asyncio.gather(*(ask(service) for service in services), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, WaypostError):
            raise result
    answers = [result for result in results if not isinstance(result, BaseException)]
    return answers, [result for result in results if isinstance(result, WaypostError)]


async def find_in_any(find_in: Callable[[Service], Awaitable[T | None]], *, what: str, hint: str) -> T:
    """Returns the first result of any service. Raises NotFound, which names the services that were
    searched and the services that did not answer.
    """
    services = chosen_services(None)
    answers, problems = await ask_all(services, find_in)
    for answer in answers:
        if answer is not None:
            return answer
    names = ", ".join(service.name for service in services)
    reasons = "".join(f"\n  {problem}" for problem in problems)
    raise NotFound(f"no {what} {names}; {hint}{reasons}")


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
