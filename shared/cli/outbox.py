"""`waypost outbox [SERVICE]`"""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from shared.cli.databases import ask_operated
from shared.cli.output import AsJson, console, end_with, moment, readable, span_of, table, to_json
from shared.operations.outbox import Waiting, waiting_of
from shared.web.ops.outbox import OutboxView


def outbox(
    service: Annotated[str | None, typer.Argument(help="One service; all of them unless given.")] = None,
    as_json: AsJson = False,
) -> None:
    """What waits to be published, for how long, and which keys are set aside because a record of theirs was refused."""
    found, problems = asyncio.run(ask_operated(service, waiting_of))
    if as_json:
        console.print(to_json([OutboxView.of(each).model_dump(mode="json") for each in found]), soft_wrap=True)
    elif found:
        _show(found)
    end_with(problems)


def _show(found: Sequence[Waiting]) -> None:
    shown = table("service", "pending", "oldest", "keys set aside", right=("pending", "oldest", "keys set aside"))
    for each in found:
        shown.add_row(each.service, str(each.backlog.pending), span_of(each.age), str(len(each.marked)))
    console.print(shown)
    for each in found:
        for key in each.marked:
            console.print(
                f"{each.service}: key {readable(key.key)} of shard {key.shard} since {moment(key.marked_at)},"
                f" {key.pending} rows wait: {key.reason}"
            )
