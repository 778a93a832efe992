"""`waypost outbox [SERVICE]`, and `waypost outbox redrive`"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from waypost.cli.audit_options import As, Reason
from waypost.cli.databases import ask_service
from waypost.cli.output import AsJson, console, end_with, moment, readable, span_of, table, to_json
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import NotFound
from waypost.operations.admin_service import AdminService
from waypost.operations.outbox import Waiting, waiting_of
from waypost.operations.outbox import redrive as redrive_key
from waypost.web.ops.outbox import OutboxView

LIST = "list"


class _ListsUnlessTold(TyperGroup):
    """`waypost outbox users` is `waypost outbox list users`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = {*self.commands, "--help"}
        return super().parse_args(ctx, args if args and args[0] in known else [LIST, *args])


commands = typer.Typer(cls=_ListsUnlessTold, help="What waits to be published, and the keys that are set aside.")


@commands.command(LIST)
def outbox(
    service: Annotated[str | None, typer.Argument(help="One service; all of them unless given.")] = None,
    as_json: AsJson = False,
) -> None:
    """What waits to be published, for how long, and which keys are set aside because a record of
    theirs was refused.
    """
    found, problems = asyncio.run(ask_service(service, waiting_of))
    if as_json:
        console.print(to_json([OutboxView.of(each).model_dump(mode="json") for each in found]), soft_wrap=True)
    elif found:
        _show(found)
    end_with(problems)


@commands.command()
def redrive(
    key: Annotated[str, typer.Option(help="As `waypost outbox` tells it.")],
    operator: As,
    reason: Reason,
    service: Annotated[
        str | None, typer.Option(help="Where it is set aside; all services are asked unless given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Publishes a key's rows again that were set aside because a record of theirs was refused, in
    their order.
    """
    audit_context = AuditContext(operator=operator, reason=reason)

    async def redriven(asked: AdminService) -> str | None:
        try:
            await redrive_key(asked, key.encode(), audit_context)
        except NotFound:
            return None
        return asked.name

    answers, problems = asyncio.run(ask_service(service, redriven))
    found = [each for each in answers if each is not None]
    if as_json:
        console.print(to_json([{"service": each, "key": key} for each in found]), soft_wrap=True)
    else:
        for each in found:
            console.print(f"{each}: key {key} is published again", soft_wrap=True)
    if not found:
        problems = [*problems, NotFound(f"no key {key!r} is set aside; `waypost outbox` shows which are")]
    end_with(problems if not found else ())


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
