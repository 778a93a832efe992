"""`waypost audit [SERVICE]`"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from waypost.cli.options import OneService
from waypost.cli.output import AsJson, console, moment, present
from waypost.cli.reads import read_each
from waypost.postgres.audit import OperatorAction, operator_actions
from waypost.postgres.reads import Reads


def audit(
    service: OneService = None,
    subject: Annotated[
        str | None, typer.Option(help="Only changes of this subject: the id of a dead letter or a job, or a key.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number per service.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Lists the changes that operators made, with name and reason, the latest first."""

    async def ask(asked: str, reads: Reads) -> Sequence[tuple[str, OperatorAction]]:
        return [(asked, action) for action in await operator_actions(reads, subject=subject, limit=limit)]

    results, problems = asyncio.run(read_each(service, ask))
    actions = sorted((pair for result in results for pair in result), key=lambda pair: pair[1].id, reverse=True)

    def text() -> None:
        _show(actions)
        if not actions and not problems:
            console.print("no changes by operators")

    document = [{"service": name, **asdict(action)} for name, action in actions]
    present(document, text, as_json=as_json, problems=problems)


def _show(actions: Sequence[tuple[str, OperatorAction]]) -> None:
    for service, action in actions:
        console.print(f"{moment(action.at)}  {service}  {action.verb}  {action.subject}", soft_wrap=True)
        console.print(f"    {action.operator}: {action.reason}", soft_wrap=True)
