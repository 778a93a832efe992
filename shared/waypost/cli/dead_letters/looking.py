"""`waypost dead-letters list` and `show`"""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from waypost.cli.databases import ask_all, opened
from waypost.cli.dead_letters.filters import filtered
from waypost.cli.dead_letters.found import LetterId, find
from waypost.cli.output import AsJson, console, end_with, lines, moment, readable, to_json
from waypost.cli.services import chosen_services
from waypost.hosting.service import Service
from waypost.postgres.dead_letters.search import KeptLetter, Search, find_letters
from waypost.web.ops.letter_views import LetterView, RecordedLetterView


@filtered
def list_letters(
    search: Search,
    service: Annotated[str | None, typer.Argument(help="One service; all of them unless given.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Of each service.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Letters, the one that has waited longest first."""

    async def ask(asked: Service) -> Sequence[KeptLetter]:
        async with opened(asked.name) as database:
            return await find_letters(database, search, limit=limit)

    found, problems = asyncio.run(ask_all(chosen_services(service), ask))
    letters = [letter for each in found for letter in each]
    if as_json:
        console.print(to_json([LetterView.of(each).model_dump(mode="json") for each in letters]), soft_wrap=True)
    else:
        _show_all(letters)
        if not letters and not problems:
            console.print("no letters")
    end_with(problems)


def show(
    letter_id: LetterId,
    personal: Annotated[bool, typer.Option("--personal", help="Shows what identifies a person.")] = False,
    as_json: AsJson = False,
) -> None:
    """One letter: what failed, why, and the record as it came."""
    service, kept = asyncio.run(find(letter_id))
    view = RecordedLetterView.with_record(kept, service.codec, personal=personal)
    if as_json:
        console.print(to_json(view.model_dump()), soft_wrap=True)
        return
    lines(f"letter {view.id}", view.model_dump(exclude={"record"}))
    lines("record", view.record)


def _show_all(letters: Sequence[KeptLetter]) -> None:
    for kept in letters:
        letter, failure = kept.letter, kept.letter.failure
        console.print(f"{letter.id}  {letter.status}  {kept.consumer}", soft_wrap=True)
        what = f"{letter.type or 'unreadable'} version {letter.sequence or '-'} of {readable(letter.key or b'')}"
        console.print(f"    {moment(kept.first_failed_at)}  {what}", soft_wrap=True)
        if failure:
            console.print(f"    {failure.error_class} after {letter.attempts} tries: {failure.error}", soft_wrap=True)
