"""Options and arguments that select dead letters, the same for every `dead-letters` command."""

import inspect
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Annotated, Any
from uuid import UUID

import typer

from waypost.cli.answers import find_in_any
from waypost.cli.parsers import parse_id, parse_time
from waypost.cli.reads import reading
from waypost.ports.dead_letters import DeadLetterStatus
from waypost.postgres.dead_letters.search import Search, StoredDeadLetter, find_dead_letter

DeadLetterId = Annotated[UUID, typer.Argument(parser=parse_id, help="Id from `waypost dead-letters list`.")]

Moment = Annotated[
    datetime | None,
    typer.Option(
        parser=parse_time, help="Earliest first failure, inclusive: 2026-11-28T09:30Z, or 4h for 4 hours ago."
    ),
]


def search_of(
    consumer: Annotated[str | None, typer.Option(help="Only this consumer: SERVICE.CONSUMER.")] = None,
    tenant_id: Annotated[
        UUID | None, typer.Option("--tenant", parser=parse_id, help="Only dead letters of this tenant.")
    ] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="Only this event type: user.created.")] = None,
    key: Annotated[str | None, typer.Option(help="Only this record key; usually the id of an aggregate.")] = None,
    fingerprint: Annotated[
        str | None, typer.Option(help="Only this fingerprint: failures at the same line with the same error.")
    ] = None,
    error_class: Annotated[str | None, typer.Option(help="Only this error class: Permanent, TimeoutError.")] = None,
    status: Annotated[
        list[DeadLetterStatus] | None, typer.Option(help="Repeatable. Default: every status that is not settled.")
    ] = None,
    since: Moment = None,
    until: Annotated[datetime | None, typer.Option(parser=parse_time, help="Latest first failure, exclusive.")] = None,
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
    """Replaces the command's parameter `search` with the options of `search_of`."""
    options = inspect.signature(search_of).parameters
    own = [parameter for parameter in inspect.signature(command).parameters.values() if parameter.name != "search"]

    @wraps(command)
    def with_options(**arguments: Any) -> None:
        search = search_of(**{name: arguments.pop(name) for name in options})
        command(search=search, **arguments)

    keywords = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in (*own, *options.values())]
    with_options.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]  # inspect.signature reads it
    return with_options


async def find(dead_letter_id: UUID) -> tuple[str, StoredDeadLetter]:
    """The dead letter and the name of the service that stores it. Raises NotFound."""

    async def find_in(service: str) -> tuple[str, StoredDeadLetter] | None:
        async with reading(service) as reads:
            stored = await find_dead_letter(reads, dead_letter_id)
        return (service, stored) if stored else None

    hint = "`waypost dead-letters list` shows the existing ones"
    return await find_in_any(find_in, what=f"dead letter {dead_letter_id} in", hint=hint)
