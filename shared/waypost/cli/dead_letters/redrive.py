"""`waypost dead-letters redrive` and `discard`"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated
from uuid import UUID

import typer

from waypost.cli.databases import ALL_SERVICES, open_admin_service, trace_as
from waypost.cli.dead_letters.options import DeadLetterId, filtered, find
from waypost.cli.options import As, Reason
from waypost.cli.output import AsJson, console, end_with, present, print_to_stderr, readable, to_json
from waypost.cli.parsers import parse_id, parse_rate
from waypost.cli.services import chosen_services, service_named
from waypost.engine.consumer.dead_letters.parked_key_queue import ParkedKeyOutcome
from waypost.engine.rate import Rate
from waypost.hosting.service import Service
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import WaypostError
from waypost.operations import dead_letters
from waypost.operations.dead_letters import Redrive, RedriveResult, nothing_matches
from waypost.postgres.dead_letters.redrive_selection import SelectedDeadLetter
from waypost.postgres.dead_letters.search import Search
from waypost.web.operator_views.redrives import KeyView, RedriveView


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
    if (dead_letter_id is not None) == (search != Search() or service is not None):
        raise typer.BadParameter(
            "select dead letters: one by its id, or several by a filter (--status dead selects every dead one)"
        )
    audit_context = None if dry_run else AuditContext(operator=operator, reason=reason)
    trace_as(ALL_SERVICES)
    wanted = replace(search, id=dead_letter_id)
    redrives, problems = asyncio.run(_redrive(wanted, service, audit_context, Rate(rate), quiet=as_json))
    if as_json:
        views = [RedriveView.of(redriven).model_dump(mode="json") for redriven in redrives]
        console.print(to_json(views), soft_wrap=True)
    _print_summary(redrives, dry_run=dry_run)
    if not problems and not any(redriven.selection.has_matches for redriven in redrives):
        problems = [nothing_matches(redrives)]
    end_with(problems)
    raise typer.Exit(0 if dry_run or all(redriven.complete for redriven in redrives) else 1)


def discard(
    dead_letter_id: DeadLetterId,
    operator: As,
    reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", help="Skips the confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Settles a dead letter without handling it: its event counts as handled. Then processes the
    records that wait behind it.
    """
    audit_context = AuditContext(operator=operator, reason=reason)
    if not yes:
        typer.confirm(f"The event of {dead_letter_id} will never be handled. Discard it?", abort=True, err=True)
    trace_as(ALL_SERVICES)
    result = asyncio.run(_discard(dead_letter_id, audit_context))
    present(KeyView.of(result).model_dump(mode="json"), lambda: _print_key(result), as_json=as_json)


async def _redrive(
    search: Search, name: str | None, audit_context: AuditContext | None, rate: Rate, *, quiet: bool
) -> tuple[Sequence[Redrive], Sequence[WaypostError]]:
    """Redrives one service after the other. Returns the completed work together with the
    problems.
    """
    redrives: list[Redrive] = []
    problems: list[WaypostError] = []
    for service in await _services(search, name):
        try:
            async with open_admin_service(service) as admin_service:
                redrives.append(await Redrive.of(admin_service, search))
                async for result in redrives[-1].process(audit_context, rate):
                    if not quiet:
                        _print_key(result)
        except WaypostError as problem:
            problems.append(problem)
    return redrives, problems


async def _services(search: Search, name: str | None) -> Sequence[Service]:
    """The services to search. Raises NotFound for an unknown dead letter or service."""
    if search.id is not None:
        return [service_named((await find(search.id))[0])]
    return chosen_services(name)


async def _discard(dead_letter_id: UUID, audit_context: AuditContext) -> RedriveResult:
    service, _ = await find(dead_letter_id)
    async with open_admin_service(service_named(service)) as admin_service:
        return await dead_letters.discard(admin_service, dead_letter_id, audit_context)


_MEANINGS: Mapping[ParkedKeyOutcome | None, str] = {
    None: "would be redriven",
    ParkedKeyOutcome.HANDLED: "handled",
    ParkedKeyOutcome.FAILED: "a dead letter failed again; later ones of the key wait",
    ParkedKeyOutcome.UNPARKED: "nothing waits: the key is unparked",
    ParkedKeyOutcome.LOCKED: "another process redrives this key; retry in a moment",
    ParkedKeyOutcome.DEAD: "the next dead letter has status dead: redrive it by its id or discard it",
    ParkedKeyOutcome.EXHAUSTED: "the next dead letter reached the redrive limit: discard it",
    ParkedKeyOutcome.VERSION_MISSING: "an earlier version is missing; the key waits for it",
    ParkedKeyOutcome.NOT_DUE: "the next dead letter is not due yet; the consumer retries it",
    ParkedKeyOutcome.PREVENTED: "the next dead letter could not be attempted (dependency unavailable); not counted",
}


def _print_key(result: RedriveResult) -> None:
    console.print(f"{result.consumer} {readable(result.key)}: {_MEANINGS[result.outcome]}", soft_wrap=True)
    for selected in result.dead_letters:
        _print_dead_letter(selected, suffix="" if selected.matches else "  (same key, not selected)")


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


def _print_dead_letter(selected: SelectedDeadLetter, *, suffix: str) -> None:
    event = f"{selected.type or 'unreadable'} version {selected.sequence or '-'}"
    console.print(f"    {selected.id}  {event}: {selected.status}{suffix}", soft_wrap=True)
    if selected.error is not None:
        console.print(f"        {selected.error_class}: {selected.error}", soft_wrap=True)
