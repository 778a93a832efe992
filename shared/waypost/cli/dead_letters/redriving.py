"""`waypost dead-letters redrive`"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated
from uuid import UUID

import typer

from waypost.cli.audit_options import As, Reason
from waypost.cli.databases import open_admin_service
from waypost.cli.dead_letters.filters import filtered
from waypost.cli.dead_letters.found import find
from waypost.cli.dead_letters.reporting import sum_up, tell
from waypost.cli.output import AsJson, console, end_with, to_json
from waypost.cli.parsing import a_rate, an_id
from waypost.cli.services import chosen_services
from waypost.cli.tracing import SEVERAL, trace_as
from waypost.engine.rate import Rate
from waypost.hosting.service import Service
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import WaypostError
from waypost.operations.dead_letters import Redrive, nothing_matches
from waypost.postgres.dead_letters.search import Search
from waypost.web.ops.dead_letter_views import RedriveView


@filtered
def redrive(
    search: Search,
    operator: As,
    dead_letter_id: Annotated[
        UUID | None, typer.Argument(parser=an_id, help="One letter's key, whatever else waits.")
    ] = None,
    service: Annotated[str | None, typer.Option(help="Only letters of this service.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Shows keys and letters, and changes nothing.")] = False,
    rate: Annotated[float | None, typer.Option(parser=a_rate, help="At most so many letters a second: 5/s.")] = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Tries the keys of the letters that match again, each from its lowest version on, until a
    letter fails or none is left.

    Exits with 1 where something is left to do. What was done stays done, even if the command is
    killed: run again, it does the rest.
    """
    if (dead_letter_id is not None) == (search != Search() or service is not None):
        raise typer.BadParameter(
            "say which letters: one by its id, or some by a filter (--status dead takes every dead one)"
        )
    audit_context = None if dry_run else AuditContext(operator=operator, reason=reason)
    trace_as(SEVERAL)
    wanted = replace(search, id=dead_letter_id)
    redrives, problems = asyncio.run(_redrive(wanted, service, audit_context, Rate(rate), quiet=as_json))
    if as_json:
        console.print(to_json([RedriveView.of(each).model_dump(mode="json") for each in redrives]), soft_wrap=True)
    sum_up(redrives, dry_run=dry_run)
    if not problems and not any(each.selection.found for each in redrives):
        problems = [nothing_matches(redrives)]
    end_with(problems)
    raise typer.Exit(0 if dry_run or all(each.complete for each in redrives) else 1)


async def _redrive(
    search: Search, name: str | None, audit_context: AuditContext | None, rate: Rate, *, quiet: bool
) -> tuple[Sequence[Redrive], Sequence[WaypostError]]:
    """One service after the other. What was worked off before a problem is told with it."""
    redrives: list[Redrive] = []
    problems: list[WaypostError] = []
    for service in await _services(search, name):
        try:
            async with open_admin_service(service) as admin_service:
                redrives.append(await Redrive.of(admin_service, search))
                async for drained in redrives[-1].work_off(audit_context, rate):
                    if not quiet:
                        tell(drained)
        except WaypostError as problem:
            problems.append(problem)
    return redrives, problems


async def _services(search: Search, name: str | None) -> Sequence[Service]:
    """Raises NotFound for a letter or a service that there is not."""
    if search.id is not None:
        return [(await find(search.id))[0]]
    return chosen_services(name)
