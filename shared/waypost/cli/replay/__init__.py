"""`waypost replay <service>.<reactor>`"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from waypost.cli.audit_options import As, Reason
from waypost.cli.databases import explained
from waypost.cli.output import AsJson, console, to_json
from waypost.cli.parsing import a_moment, an_id
from waypost.cli.progress import PerSecond, shown
from waypost.cli.replay.telling import show, told
from waypost.cli.services import service_within, setting_of
from waypost.cli.tracing import trace_as
from waypost.engine.consumer import group_name
from waypost.engine.rate import Rate
from waypost.engine.replay import Redelivered, SelectedEvents, Selection
from waypost.hosting.replaying import opened_replay
from waypost.hosting.service import Service
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import Invalid, NotFound
from waypost.ports.consumers import AsyncProjection, Reactor
from waypost.postgres.failures import as_transient
from waypost.project import variable

FORM = "SERVICE.REACTOR"


def replay(
    name: Annotated[str, typer.Argument(metavar=FORM, help="What is handled again.")],
    operator: As,
    since: Annotated[
        datetime | None,
        typer.Option("--from", parser=a_moment, help="Events of then and later: 2026-11-28T09:30Z, 4h."),
    ] = None,
    until: Annotated[datetime | None, typer.Option("--to", parser=a_moment, help="Events of before then.")] = None,
    types: Annotated[list[str] | None, typer.Option("--type", help="user.created; may be given again.")] = None,
    key: Annotated[UUID | None, typer.Option(parser=an_id, help="Only events of this aggregate.")] = None,
    tenant: Annotated[UUID | None, typer.Option(parser=an_id, help="Only events of this tenant.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Delivers them; otherwise they are only listed.")] = False,
    reason: Reason = "",
    per_second: PerSecond = None,
    limit: Annotated[int, typer.Option(min=0, help="Events that are shown one by one.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Lists the events that a reactor was given and has a handler for; with --again it is given
    them once more.

    What its handlers do with an event that they know is theirs to say. Jobs keep the keys of the
    first time: one that was done is not done again. Exits with 1 where a handler failed.
    """
    service, reactor = find_reactor(name)
    selection = Selection(
        since=since,
        until=until,
        types=_handled(types or [], reactor),
        aggregate_id=key,
        tenant_id=tenant,
    )
    audit_context = AuditContext(operator=operator, reason=reason) if again else None
    if again:
        trace_as(service.name)
    with as_transient(), explained(service.name):
        found, redelivered = asyncio.run(
            _run(service, reactor, selection, audit_context, rate=Rate(per_second), quiet=as_json)
        )
    if as_json:
        console.print(to_json(told(name, found, redelivered)), soft_wrap=True)
    else:
        show(name, found, redelivered, limit)
    raise typer.Exit(1 if redelivered and redelivered.failures else 0)


def find_reactor(name: str) -> tuple[Service, Reactor]:
    """Raises Invalid, NotFound, and says what there is."""
    service = service_within(name, FORM)
    known = {group_name(service.name, each): each for each in service.consumers}
    match known.get(name):
        case Reactor() as reactor:
            return service, reactor
        case AsyncProjection():
            raise NotFound(f"{name} is a projector: its rows are made anew by `waypost projections rebuild {name}`")
        case _:
            reactors = [each for each, consumer in known.items() if isinstance(consumer, Reactor)]
            raise NotFound(f"there is no reactor {name!r}; there are {', '.join(sorted(reactors)) or 'none'}")


async def _run(
    service: Service,
    reactor: Reactor,
    selection: Selection,
    audit_context: AuditContext | None,
    *,
    rate: Rate,
    quiet: bool,
) -> tuple[SelectedEvents, Redelivered | None]:
    dsn, bootstrap = (setting_of(service.name, variable(each)) for each in ("APP_DSN", "KAFKA_BOOTSTRAP"))
    async with opened_replay(service, reactor, dsn=dsn, bootstrap=bootstrap) as replaying:
        found = await replaying.find(selection)
        if audit_context is None:
            return found, None
        with shown(reactor.name, quiet=quiet) as show_progress:
            total = len(found.messages)
            return found, await replaying.deliver(
                found, audit_context, rate=rate, progress=lambda delivered: show_progress(delivered, total)
            )


def _handled(types: Sequence[str], reactor: Reactor) -> frozenset[str]:
    """Raises Invalid for a type that it has no handler for."""
    handled = {kind.type for kind in reactor.handlers}
    if unknown := set(types) - handled:
        raise Invalid(
            f"{reactor.name} has no handler for {', '.join(sorted(unknown))}; it has for {', '.join(sorted(handled))}"
        )
    return frozenset(types)
