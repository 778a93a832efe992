"""`waypost dead-letters list` and `show`"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import typer

from shared.cli.databases import ask_all, opened
from shared.cli.dead_letters.found import find
from shared.cli.events.telling import Seen, told
from shared.cli.output import AsJson, console, end_with, lines, moment, readable, to_json
from shared.cli.services import chosen_services
from shared.hosting.service import Service
from shared.ports.dead_letters import OPEN, Status
from shared.postgres.letter_search import KeptLetter, Search, find_letters


def list_letters(
    service: Annotated[str | None, typer.Argument(help="One service; all of them unless given.")] = None,
    consumer: Annotated[str | None, typer.Option(help="<service>.<consumer>")] = None,
    status: Annotated[list[Status] | None, typer.Option(help="May be given again; what is not settled else.")] = None,
    tenant: Annotated[UUID | None, typer.Option(help="Only letters of this tenant.")] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="Only events of this type.")] = None,
    fingerprint: Annotated[str | None, typer.Option(help="Only this fault of the code.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Of each service.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Letters, the one that has waited longest first."""
    search = Search(
        consumer=consumer,
        statuses=status or OPEN,
        tenant_id=tenant,
        type=event_type,
        fingerprint=fingerprint,
        limit=limit,
    )

    async def ask(asked: Service) -> Sequence[KeptLetter]:
        async with opened(asked.name) as database:
            return await find_letters(database, search)

    found, problems = asyncio.run(ask_all(chosen_services(service), ask))
    letters = [letter for each in found for letter in each]
    if as_json:
        console.print(to_json([summary(each) for each in letters]), soft_wrap=True)
    else:
        _show_all(letters)
        if not letters and not problems:
            console.print("no letters")
    end_with(problems)


def show(
    letter_id: Annotated[UUID, typer.Argument(help="From `waypost dead-letters list`.")],
    personal: Annotated[bool, typer.Option("--personal", help="Shows what identifies a person.")] = False,
    as_json: AsJson = False,
) -> None:
    """One letter: what failed, why, and the record as it came."""
    found = asyncio.run(find(letter_id))
    letter = found.kept.letter
    record = told(Seen.of(letter.record), found.service.codec, personal=personal)
    if as_json:
        console.print(to_json({**summary(found.kept), "record": record}), soft_wrap=True)
        return
    lines(f"letter {letter.id}", summary(found.kept))
    lines("record", record)


def summary(kept: KeptLetter) -> dict[str, Any]:
    letter, failure = kept.letter, kept.letter.failure
    return {
        "id": letter.id,
        "status": letter.status,
        "consumer": kept.consumer,
        "event_id": letter.event_id,
        "type": letter.type,
        "tenant_id": letter.tenant_id,
        "key": letter.key and readable(letter.key),
        "sequence": letter.sequence,
        "attempts": letter.attempts,
        "redrives": letter.redrives,
        "first_failed_at": kept.first_failed_at,
        "next_attempt_at": letter.next_attempt_at,
        "error_class": failure and failure.error_class,
        "error": failure and failure.error,
        "fingerprint": failure and failure.fingerprint,
    }


def _show_all(letters: Sequence[KeptLetter]) -> None:
    for kept in letters:
        letter, failure = kept.letter, kept.letter.failure
        console.print(f"{letter.id}  {letter.status}  {kept.consumer}", soft_wrap=True)
        what = f"{letter.type or 'unreadable'} version {letter.sequence or '-'} of {readable(letter.key or b'')}"
        console.print(f"    {moment(kept.first_failed_at)}  {what}", soft_wrap=True)
        if failure:
            console.print(f"    {failure.error_class} after {letter.attempts} tries: {failure.error}", soft_wrap=True)
