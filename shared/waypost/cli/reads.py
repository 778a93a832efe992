"""Reads of the services' databases: one session for each service. Loads neither SQLAlchemy nor the
declarations of the services, which take longer than the queries.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Literal, TypeVar

from waypost.cli.answers import call_all, explained
from waypost.cli.services import chosen_names, setting_of
from waypost.kernel.errors import WaypostError
from waypost.postgres.direct import COMMAND_SECONDS
from waypost.postgres.read_session import read_session
from waypost.postgres.reads import Reads
from waypost.project import variable

APPLICATION_NAME = "waypost-command"

DsnRole = Literal["OPS", "OWNER"]
"""OPS reads operational tables over all tenants. Only OWNER reads the events of all tenants."""

T = TypeVar("T")


@asynccontextmanager
async def reading(service: str, role: DsnRole = "OPS") -> AsyncIterator[Reads]:
    """Opens one session.

    Raises Transient if the database does not answer, NotFound before the first migration,
    Misconfigured if the password or the database name is wrong.
    """
    dsn = setting_of(service, variable(f"{role}_DSN"))
    limit = None if role == "OWNER" else COMMAND_SECONDS
    with explained(service):
        async with read_session(dsn, application_name=APPLICATION_NAME, command_seconds=limit) as reads:
            yield reads


async def read_each(
    name: str | None, read: Callable[[str, Reads], Awaitable[T]]
) -> tuple[Sequence[T], Sequence[WaypostError]]:
    """Calls `read` with the name and the session of the named service, or of all services
    concurrently. Returns the answers in the order of the services, and the errors of the services
    that did not answer.
    """

    async def read_one(service: str) -> T:
        async with reading(service) as reads:
            return await read(service, reads)

    return await call_all(chosen_names(name), read_one)
