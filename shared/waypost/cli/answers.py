"""Asks several services concurrently, and explains the errors of a database to the operator."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from waypost.cli.services import service_names, start_hint
from waypost.kernel.errors import Misconfigured, NotFound, WaypostError

S = TypeVar("S")
T = TypeVar("T")


async def call_all(
    services: Sequence[S], call: Callable[[S], Awaitable[T]]
) -> tuple[Sequence[T], Sequence[WaypostError]]:
    """Calls `call` for all services concurrently. Returns the answers in the order of the services,
    and the errors of the services that did not answer.
    """
    results = await asyncio.gather(*(call(service) for service in services), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, WaypostError):
            raise result
    answers = [result for result in results if not isinstance(result, BaseException)]
    return answers, [result for result in results if isinstance(result, WaypostError)]


async def find_in_any(find_in: Callable[[str], Awaitable[T | None]], *, what: str, hint: str) -> T:
    """Returns the first result of any service. Raises NotFound, which names the services that were
    searched and the services that did not answer.
    """
    services = service_names()
    answers, problems = await call_all(services, find_in)
    for answer in answers:
        if answer is not None:
            return answer
    reasons = "".join(f"\n  {problem}" for problem in problems)
    raise NotFound(f"no {what} {', '.join(services)}; {hint}{reasons}")


@contextmanager
def explained(service: str) -> Iterator[None]:
    """Raises an error of PostgreSQL with a remedy for the operator."""
    try:
        yield
    except Exception as error:
        remedy = _remedy(service, error)
        if remedy is None:
            raise
        raise remedy from error


def _remedy(service: str, error: Exception) -> WaypostError | None:
    """Reads the SQLSTATE of the driver's error, which SQLAlchemy wraps as `orig`."""
    match getattr(getattr(error, "orig", error), "sqlstate", None):
        case "42P01":
            return NotFound(
                f"{service} has no tables yet: its migrations have not run. The stack runs them at start. {start_hint()}"
            )
        case "3D000" | "28P01" | "28000":
            return Misconfigured(
                f"PostgreSQL refused the connection to the database of {service}: {error}."
                f" {service}.env belongs to another stack or an older one. The stack writes the file at start. {start_hint()}"
            )
    return None
