"""`waypost dead-letters discard`"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from waypost.cli.databases import ALL_SERVICES, open_admin_service, trace_as
from waypost.cli.dead_letters.options import filtered
from waypost.cli.dead_letters.results import print_key
from waypost.cli.dead_letters.searched import require_one_selection, services_to_search
from waypost.cli.options import As, Reason
from waypost.cli.output import AsJson, console, end_with, print_to_stderr, to_json
from waypost.cli.parsers import parse_id, parse_rate
from waypost.engine.operator_rate import OperatorRate
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import WaypostError
from waypost.operations.dead_letters import Discard, nothing_matches
from waypost.postgres.dead_letters.search import Search
from waypost.web.operator_views.redrives import DiscardView


@filtered
def discard(
    search: Search,
    operator: As,
    dead_letter_id: Annotated[
        UUID | None, typer.Argument(parser=parse_id, help="Discards this dead letter only.")
    ] = None,
    service: Annotated[str | None, typer.Option(help="Only dead letters of this service.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Shows the dead letters, and changes nothing.")] = False,
    rate: Annotated[
        float | None, typer.Option(parser=parse_rate, help="Maximum number of dead letters per second: 5/s.")
    ] = None,
    reason: Reason = "",
    yes: Annotated[bool, typer.Option("--yes", help="Skips the confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Settles the matching dead letters without handling them: their events count as handled.

    Then processes the records that wait behind them. Each discard commits separately: after an
    interruption, run the command again for the rest.
    """
    require_one_selection(dead_letter_id, search, service)
    audit_context = None if dry_run else AuditContext(operator=operator, reason=reason)
    # A dead letter that is stored while the operator confirms is not discarded.
    wanted = replace(search, id=dead_letter_id, until=search.until or datetime.now(UTC))
    if audit_context is not None and not yes:
        number = asyncio.run(_count(wanted, service))
        typer.confirm(
            f"Dead letters: {number}. A discarded event will never be handled. Discard?", abort=True, err=True
        )
    trace_as(ALL_SERVICES)
    discards, problems = asyncio.run(_process(wanted, service, audit_context, OperatorRate(rate), quiet=as_json))
    if as_json:
        views = [DiscardView.of(discarded).model_dump(mode="json") for discarded in discards]
        console.print(to_json(views), soft_wrap=True)
    number = sum(len(discarded.results) for discarded in discards)
    if not problems and not number:
        problems = [nothing_matches([discarded.service for discarded in discards])]
    elif dry_run:
        print_to_stderr(f"would discard {number} dead letters; nothing was changed")
    else:
        print_to_stderr(f"discarded {number} dead letters")
    end_with(problems)


async def _count(search: Search, name: str | None) -> int:
    """The number of matching dead letters in all services."""
    matching = 0
    for service in await services_to_search(search, name):
        async with open_admin_service(service) as admin_service:
            matching += (await Discard.of(admin_service, search)).matching
    return matching


async def _process(
    search: Search, name: str | None, audit_context: AuditContext | None, rate: OperatorRate, *, quiet: bool
) -> tuple[Sequence[Discard], Sequence[WaypostError]]:
    """Discards in one service after the other. Returns the completed work together with the
    problems.
    """
    discards: list[Discard] = []
    problems: list[WaypostError] = []
    for service in await services_to_search(search, name):
        try:
            async with open_admin_service(service) as admin_service:
                discards.append(await Discard.of(admin_service, search))
                async for result in discards[-1].process(audit_context, rate):
                    if not quiet:
                        print_key(result, unchanged="would be discarded")
        except WaypostError as problem:
            problems.append(problem)
    return discards, problems
