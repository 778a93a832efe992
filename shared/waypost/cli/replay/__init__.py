"""`waypost replay <service>.<reactor>`"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from waypost.cli.answers import explained
from waypost.cli.databases import trace_as
from waypost.cli.options import As, PerSecond, Reason
from waypost.cli.output import AsJson, present, progress_bar
from waypost.cli.parsers import parse_id, parse_time
from waypost.cli.replay.report import as_dict, show
from waypost.cli.services import brokers_of, service_within, setting_of
from waypost.engine.operator_rate import OperatorRate
from waypost.engine.replay import Redelivered, SelectedEvents, Selection
from waypost.hosting.replay import opened_replay
from waypost.hosting.service import Service
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import Invalid, NotFound
from waypost.ports.consumers import AsyncProjection, Reactor, group_name
from waypost.postgres.failures import as_transient
from waypost.project import variable

METAVAR = "SERVICE.REACTOR"


def replay(
    name: Annotated[str, typer.Argument(metavar=METAVAR, help="The reactor to replay.")],
    operator: As,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--from", parser=parse_time, help="Earliest event, inclusive: 2026-11-28T09:30Z, or 4h for 4 hours ago."
        ),
    ] = None,
    until: Annotated[datetime | None, typer.Option("--to", parser=parse_time, help="Latest event, exclusive.")] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Repeatable. Only this event type: user.created.")
    ] = None,
    key: Annotated[UUID | None, typer.Option(parser=parse_id, help="Only events of this aggregate.")] = None,
    tenant: Annotated[UUID | None, typer.Option(parser=parse_id, help="Only events of this tenant.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Delivers the events to the reactor. Without it they are only listed.")
    ] = False,
    reason: Reason = "",
    per_second: PerSecond = None,
    limit: Annotated[int, typer.Option(min=0, help="Maximum number of events to list.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Lists the events that a reactor processed and has a handler for; with --again, delivers them
    again.

    The handlers decide what a repeated event does. Jobs keep the idempotency keys of the first
    delivery, so a completed job does not run again. Exits with 1 if a handler fails.
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
        selected, redelivered = asyncio.run(
            _run(service, reactor, selection, audit_context, rate=OperatorRate(per_second), quiet=as_json)
        )
    present(as_dict(name, selected, redelivered), lambda: show(name, selected, redelivered, limit), as_json=as_json)
    raise typer.Exit(1 if redelivered and redelivered.failures else 0)


def find_reactor(name: str) -> tuple[Service, Reactor]:
    """Finds the reactor SERVICE.REACTOR. Raises Invalid for another form, and NotFound, which lists
    the existing ones.
    """
    service = service_within(name, METAVAR)
    known = {group_name(service.name, consumer): consumer for consumer in service.consumers}
    match known.get(name):
        case Reactor() as reactor:
            return service, reactor
        case AsyncProjection():
            raise NotFound(f"{name} is an async projection; rebuild it with `waypost projections rebuild {name}`")
        case _:
            reactors = [group for group, consumer in known.items() if isinstance(consumer, Reactor)]
            raise NotFound(f"there is no reactor {name!r}; the reactors are {', '.join(sorted(reactors)) or 'none'}")


async def _run(
    service: Service,
    reactor: Reactor,
    selection: Selection,
    audit_context: AuditContext | None,
    *,
    rate: OperatorRate,
    quiet: bool,
) -> tuple[SelectedEvents, Redelivered | None]:
    dsn, bootstrap = setting_of(service.name, variable("APP_DSN")), brokers_of(service.name)
    async with opened_replay(service, reactor, dsn=dsn, bootstrap=bootstrap) as session:
        selected = await session.find(selection)
        if audit_context is None:
            return selected, None
        with progress_bar(reactor.name, quiet=quiet) as show_progress:
            total = len(selected.messages)
            return selected, await session.deliver(
                selected, audit_context, rate=rate, progress=lambda delivered: show_progress(delivered, total)
            )


def _handled(types: Sequence[str], reactor: Reactor) -> frozenset[str]:
    """Raises Invalid for an event type without a handler in the reactor."""
    handled = {kind.type for kind in reactor.handlers}
    if unknown := set(types) - handled:
        raise Invalid(
            f"{reactor.name} has no handler for {', '.join(sorted(unknown))}; it has for {', '.join(sorted(handled))}"
        )
    return frozenset(types)
