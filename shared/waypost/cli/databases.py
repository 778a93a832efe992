"""The databases of the services, opened for one command."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Literal, TypeVar

import asyncpg
from sqlalchemy.exc import DBAPIError

from waypost.cli.services import chosen_services, setting_of, start_hint
from waypost.hosting.admin_service import admin_service, runtime_for_command
from waypost.hosting.service import Service
from waypost.kernel.errors import Misconfigured, NotFound, WaypostError
from waypost.operations.admin_service import AdminService
from waypost.postgres.database import Database
from waypost.postgres.failures import sqlstate
from waypost.project import variable

APPLICATION_NAME = "waypost-command"

Role = Literal["OPS", "OWNER"]
"""OPS reads what belongs to no tenant; only OWNER sees the events of all of them."""

T = TypeVar("T")


@asynccontextmanager
async def opened(service: str, role: Role = "OPS", schemas: Sequence[str] = ()) -> AsyncIterator[Database]:
    """One connection. Raises Transient where no database answers, NotFound before the migrations,
    Misconfigured for a wrong password.
    """
    dsn = setting_of(service, variable(f"{role}_DSN"))
    database = Database(dsn, application_name=APPLICATION_NAME, pool_size=1, schemas=schemas)
    try:
        with explained(service):
            yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_admin_service(service: Service) -> AsyncIterator[AdminService]:
    """The service as its own API operates it. Raises what `opened` raises."""
    dsn, bootstrap = (setting_of(service.name, each) for each in (variable("APP_DSN"), variable("KAFKA_BOOTSTRAP")))
    async with runtime_for_command(service, dsn=dsn) as runtime, opened(service.name, schemas=service.schemas) as ops:
        yield admin_service(service, runtime, ops=ops, kafka_bootstrap=bootstrap)


async def ask_service(
    name: str | None, ask: Callable[[AdminService], Awaitable[T]]
) -> tuple[Sequence[T], Sequence[WaypostError]]:
    """The service that was named, else all at once: the answers in their order, and why others have
    none.
    """

    async def operating_one(service: Service) -> T:
        async with open_admin_service(service) as chosen:
            return await ask(chosen)

    return await ask_all(chosen_services(name), operating_one)


@contextmanager
def explained(service: str) -> Iterator[None]:
    """Says what to do about a database that answers, but not with rows."""
    try:
        yield
    except (DBAPIError, asyncpg.PostgresError) as error:
        match sqlstate(error):
            case "42P01":
                raise NotFound(
                    f"{service} has no tables yet: its migrations have not run; the start of the stack runs them. {start_hint()}"
                ) from error
            case "3D000" | "28P01" | "28000":
                raise Misconfigured(
                    f"PostgreSQL does not let us into the database of {service}: {error}."
                    f" {service}.env belongs to another stack, or to an older one; the start of the stack writes it anew. {start_hint()}"
                ) from error
        raise


async def ask_all(
    services: Sequence[Service], ask: Callable[[Service], Awaitable[T]]
) -> tuple[Sequence[T], Sequence[WaypostError]]:
    """All at once: the answers in the services' order, and why others have none."""
    asked = await asyncio.gather(*(ask(each) for each in services), return_exceptions=True)
    for each in asked:
        if isinstance(each, BaseException) and not isinstance(each, WaypostError):
            raise each
    answers = [each for each in asked if not isinstance(each, BaseException)]
    return answers, [each for each in asked if isinstance(each, WaypostError)]


async def find_in_any(look_in: Callable[[Service], Awaitable[T | None]], *, what: str, hint: str) -> T:
    """The first that some service has. Raises NotFound and says where it was looked for, and where
    it could not be.
    """
    services = chosen_services(None)
    answers, problems = await ask_all(services, look_in)
    for each in answers:
        if each is not None:
            return each
    looked_in = ", ".join(each.name for each in services)
    reasons = "".join(f"\n  {each}" for each in problems)
    raise NotFound(f"no {what} {looked_in}; {hint}{reasons}")
