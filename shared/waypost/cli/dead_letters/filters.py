"""The options that say which letters are meant, the same for every command that looks for some."""

import inspect
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Annotated, Any
from uuid import UUID

import typer

from waypost.cli.parsing import a_moment, an_id
from waypost.ports.dead_letters import Status
from waypost.postgres.dead_letters.search import Search

Moment = Annotated[
    datetime | None, typer.Option(parser=a_moment, help="First failed then or later: 2026-11-28T09:30Z, 4h.")
]


def search_of(
    consumer: Annotated[str | None, typer.Option(help="<service>.<consumer>")] = None,
    tenant_id: Annotated[
        UUID | None, typer.Option("--tenant", parser=an_id, help="Only letters of this tenant.")
    ] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="Only events of this type: user.created.")] = None,
    key: Annotated[str | None, typer.Option(help="Only this key, nearly always an aggregate's id.")] = None,
    fingerprint: Annotated[str | None, typer.Option(help="Only this fault of the code.")] = None,
    error_class: Annotated[str | None, typer.Option(help="Only errors of this class: Permanent, TimeoutError.")] = None,
    status: Annotated[list[Status] | None, typer.Option(help="May be given again; what is not settled else.")] = None,
    since: Moment = None,
    until: Annotated[datetime | None, typer.Option(parser=a_moment, help="First failed before.")] = None,
) -> Search:
    return Search.of(
        consumer=consumer,
        tenant_id=tenant_id,
        type=event_type,
        key=key,
        fingerprint=fingerprint,
        error_class=error_class,
        status=status,
        since=since,
        until=until,
    )


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """The command with these options in place of its parameter `search`."""
    options = inspect.signature(search_of).parameters
    own = [each for each in inspect.signature(command).parameters.values() if each.name != "search"]

    @wraps(command)
    def with_options(**given: Any) -> None:
        search = search_of(**{name: given.pop(name) for name in options})
        command(search=search, **given)

    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *options.values())]
    with_options.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]  # what inspect looks for
    return with_options
