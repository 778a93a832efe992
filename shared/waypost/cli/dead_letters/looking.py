"""`waypost dead-letters list` and `show`"""

import asyncio
from collections.abc import Sequence
from textwrap import indent
from typing import Annotated

import typer

from waypost.cli.databases import ask_all, opened
from waypost.cli.dead_letters.filters import filtered
from waypost.cli.dead_letters.found import DeadLetterId, find
from waypost.cli.output import AsJson, console, end_with, lines, moment, readable, to_json
from waypost.cli.services import chosen_services
from waypost.hosting.service import Service
from waypost.postgres.dead_letters.search import Search, StoredDeadLetter, find_dead_letters
from waypost.web.ops.dead_letter_views import DeadLetterView, DeadLetterWithRecordView


@filtered
def list_dead_letters(
    search: Search,
    service: Annotated[str | None, typer.Argument(help="One service; all of them unless given.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Of each service.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Letters, the one that has waited longest first."""

    async def ask(asked: Service) -> Sequence[StoredDeadLetter]:
        async with opened(asked.name) as database:
            return await find_dead_letters(database, search, limit=limit)

    found, problems = asyncio.run(ask_all(chosen_services(service), ask))
    dead_letters = [dead_letter for each in found for dead_letter in each]
    if as_json:
        console.print(
            to_json([DeadLetterView.of(each).model_dump(mode="json") for each in dead_letters]), soft_wrap=True
        )
    else:
        _show_all(dead_letters)
        if not dead_letters and not problems:
            console.print("no letters")
    end_with(problems)


def show(
    dead_letter_id: DeadLetterId,
    personal: Annotated[bool, typer.Option("--personal", help="Shows what identifies a person.")] = False,
    as_json: AsJson = False,
) -> None:
    """One letter: what failed, why, and the record as it came."""
    service, kept = asyncio.run(find(dead_letter_id))
    view = DeadLetterWithRecordView.with_record(kept, service.codec, personal=personal)
    if as_json:
        console.print(to_json(view.model_dump()), soft_wrap=True)
        return
    lines(f"letter {view.id}", view.model_dump(exclude={"record", "traceback"}))
    if view.traceback:
        console.print(f"traceback\n{indent(view.traceback, '    ')}", soft_wrap=True, markup=False, highlight=False)
    lines("record", view.record)


def _show_all(dead_letters: Sequence[StoredDeadLetter]) -> None:
    for kept in dead_letters:
        dead_letter, failure = kept.dead_letter, kept.dead_letter.failure
        console.print(f"{dead_letter.id}  {dead_letter.status}  {kept.consumer}", soft_wrap=True)
        what = f"{dead_letter.type or 'unreadable'} version {dead_letter.sequence or '-'} of {readable(dead_letter.key or b'')}"
        console.print(f"    {moment(kept.first_failed_at)}  {what}", soft_wrap=True)
        if failure:
            console.print(
                f"    {failure.error_class} after {dead_letter.attempts} tries: {failure.error}", soft_wrap=True
            )
            if failure.location:
                console.print(f"    at {failure.location}", soft_wrap=True)
