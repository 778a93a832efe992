"""`waypost dead-letters list` and `show`"""

import asyncio
from collections.abc import Sequence
from textwrap import indent
from typing import Annotated

import typer

from waypost.cli.dead_letters.options import DeadLetterId, filtered, find
from waypost.cli.options import OneService, ShowPersonal
from waypost.cli.output import AsJson, console, lines, moment, present, readable
from waypost.cli.reads import read_each
from waypost.cli.services import service_named
from waypost.postgres.dead_letters.search import Search, StoredDeadLetter, find_dead_letters
from waypost.postgres.reads import Reads
from waypost.web.operator_views.dead_letters import DeadLetterView, DeadLetterWithRecordView


@filtered
def list_dead_letters(
    search: Search,
    service: OneService = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number per service.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Lists dead letters, the earliest first failure first."""

    async def ask(_: str, reads: Reads) -> Sequence[StoredDeadLetter]:
        return await find_dead_letters(reads, search, limit=limit)

    results, problems = asyncio.run(read_each(service, ask))
    dead_letters = [dead_letter for result in results for dead_letter in result]

    def text() -> None:
        _show_all(dead_letters)
        if not dead_letters and not problems:
            console.print("no dead letters")

    document = [DeadLetterView.of(dead_letter).model_dump(mode="json") for dead_letter in dead_letters]
    present(document, text, as_json=as_json, problems=problems)


def show(
    dead_letter_id: DeadLetterId,
    personal: ShowPersonal = False,
    as_json: AsJson = False,
) -> None:
    """Shows one dead letter: the failure, its cause and the record."""
    service, stored = asyncio.run(find(dead_letter_id))
    view = DeadLetterWithRecordView.with_record(stored, service_named(service).codec, personal=personal)

    def text() -> None:
        lines(f"dead letter {view.id}", view.model_dump(exclude={"record", "traceback"}))
        if view.traceback:
            console.print(f"traceback\n{indent(view.traceback, '    ')}", soft_wrap=True, markup=False, highlight=False)
        lines("record", view.record)

    present(view.model_dump(), text, as_json=as_json)


def _show_all(dead_letters: Sequence[StoredDeadLetter]) -> None:
    for stored in dead_letters:
        dead_letter, failure = stored.dead_letter, stored.dead_letter.failure
        console.print(f"{dead_letter.id}  {dead_letter.status}  {stored.consumer}", soft_wrap=True)
        version, key = dead_letter.sequence or "-", readable(dead_letter.key or b"")
        event = f"{dead_letter.type or 'unreadable'} version {version} of {key}"
        console.print(f"    {moment(stored.first_failed_at)}  {event}", soft_wrap=True)
        if failure:
            console.print(
                f"    {failure.error_class} after {dead_letter.attempts} attempts: {failure.error}", soft_wrap=True
            )
            if failure.location:
                console.print(f"    at {failure.location}", soft_wrap=True)
