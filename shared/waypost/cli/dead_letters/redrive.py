"""`waypost dead-letters redrive`"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
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
from waypost.operations.dead_letters import Redrive, nothing_matches
from waypost.postgres.dead_letters.search import Search
from waypost.web.operator_views.redrives import RedriveView


@filtered
def redrive(
    search: Search,
    operator: As,
    dead_letter_id: Annotated[
        UUID | None, typer.Argument(parser=parse_id, help="Redrives the key of this dead letter only.")
    ] = None,
    service: Annotated[str | None, typer.Option(help="Only dead letters of this service.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Shows keys and dead letters, and changes nothing.")
    ] = False,
    beyond_limit: Annotated[
        bool,
        typer.Option(
            "--beyond-limit", help="Redrives the dead letter of this id although it reached the limit of redrives."
        ),
    ] = False,
    rate: Annotated[
        float | None, typer.Option(parser=parse_rate, help="Maximum number of dead letters per second: 5/s.")
    ] = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Redrives the keys of the matching dead letters, each key from its lowest version, until a
    dead letter fails or none is left.

    Exits with 1 if dead letters are left. Each redrive commits separately: after an interruption,
    run the command again for the rest.
    """
    require_one_selection(dead_letter_id, search, service)
    if beyond_limit and dead_letter_id is None:
        raise typer.BadParameter("--beyond-limit redrives one dead letter: name its id")
    audit_context = None if dry_run else AuditContext(operator=operator, reason=reason)
    trace_as(ALL_SERVICES)
    wanted = replace(search, id=dead_letter_id)
    redrives, problems = asyncio.run(
        _redrive(wanted, service, audit_context, OperatorRate(rate), beyond_limit=beyond_limit, quiet=as_json)
    )
    if as_json:
        views = [RedriveView.of(redriven).model_dump(mode="json") for redriven in redrives]
        console.print(to_json(views), soft_wrap=True)
    _print_summary(redrives, dry_run=dry_run)
    if not problems and not any(redriven.selection.has_matches for redriven in redrives):
        settled = sum(redriven.selection.settled for redriven in redrives)
        problems = [nothing_matches([redriven.service for redriven in redrives], settled)]
    end_with(problems)
    raise typer.Exit(0 if dry_run or all(redriven.complete for redriven in redrives) else 1)


async def _redrive(
    search: Search,
    name: str | None,
    audit_context: AuditContext | None,
    rate: OperatorRate,
    *,
    beyond_limit: bool,
    quiet: bool,
) -> tuple[Sequence[Redrive], Sequence[WaypostError]]:
    """Redrives one service after the other. Returns the completed work together with the
    problems.
    """
    redrives: list[Redrive] = []
    problems: list[WaypostError] = []
    for service in await services_to_search(search, name):
        try:
            async with open_admin_service(service) as admin_service:
                redrives.append(await Redrive.of(admin_service, search, beyond_limit=beyond_limit))
                async for result in redrives[-1].process(audit_context, rate):
                    if not quiet:
                        print_key(result, unchanged="would be redriven")
        except WaypostError as problem:
            problems.append(problem)
    return redrives, problems


def _print_summary(redrives: Sequence[Redrive], *, dry_run: bool) -> None:
    """Prints to standard error the totals, and the dead letters that can only be discarded."""
    results = [result for redriven in redrives for result in redriven.results]
    statuses = Counter(dead_letter.status for result in results for dead_letter in result.dead_letters)
    counts = ", ".join(f"{number} {status}" for status, number in sorted(statuses.items()))
    unprocessable = [selected for redriven in redrives for selected in redriven.selection.unprocessable]
    if unprocessable:
        print_to_stderr("these dead letters contain no event to handle and park no key; discard them:")
        for selected in unprocessable:
            print_to_stderr(f"    {selected.id}  {selected.error_class}")
    if dry_run:
        print_to_stderr(
            f"would redrive {len(results)} keys; their dead letters: {counts or 'none'}; nothing was changed"
        )
    elif results:
        settled = sum(result.is_settled for result in results)
        print_to_stderr(f"{settled} of {len(results)} keys settled; dead letters: {counts}")
        if settled < len(results):
            print_to_stderr("completed redrives are committed: fix the cause, then run the same command for the rest")
