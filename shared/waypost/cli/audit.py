"""`waypost audit [SERVICE]`"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from waypost.cli.databases import ask_all, opened
from waypost.cli.output import AsJson, console, end_with, moment, to_json
from waypost.cli.services import chosen_services
from waypost.hosting.service import Service
from waypost.postgres.audit import OperatorAction, operator_actions


def audit(
    service: Annotated[str | None, typer.Argument(help="One service; all of them unless given.")] = None,
    subject: Annotated[str | None, typer.Option(help="What was changed: a letter's id, a job's, a key.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Of each service.")] = 100,
    as_json: AsJson = False,
) -> None:
    """What was changed by hand, by whom and why, the latest first."""

    async def ask(asked: Service) -> Sequence[tuple[str, OperatorAction]]:
        async with opened(asked.name) as database:
            return [(asked.name, each) for each in await operator_actions(database, subject=subject, limit=limit)]

    found, problems = asyncio.run(ask_all(chosen_services(service), ask))
    actions = sorted((pair for each in found for pair in each), key=lambda pair: pair[1].id, reverse=True)
    if as_json:
        console.print(to_json([{"service": name, **asdict(action)} for name, action in actions]), soft_wrap=True)
    else:
        _show(actions)
        if not actions and not problems:
            console.print("nothing was changed by hand")
    end_with(problems)


def _show(actions: Sequence[tuple[str, OperatorAction]]) -> None:
    for service, action in actions:
        console.print(f"{moment(action.at)}  {service}  {action.verb}  {action.subject}", soft_wrap=True)
        console.print(f"    {action.operator}: {action.reason}", soft_wrap=True)
