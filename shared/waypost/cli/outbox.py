"""`waypost outbox [SERVICE]`, and `waypost outbox redrive`"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from waypost.cli.databases import ask_service
from waypost.cli.options import As, OneService, Reason
from waypost.cli.output import AsJson, console, end_with, moment, present, readable, span_of, table
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import NotFound
from waypost.operations.admin_service import AdminService
from waypost.operations.outbox import OutboxStatus, outbox_status
from waypost.operations.outbox import redrive as redrive_key
from waypost.web.ops.outbox import OutboxView

DEFAULT_COMMAND = "list"


class _ListByDefault(TyperGroup):
    """`waypost outbox users` is `waypost outbox list users`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = {*self.commands, "--help"}
        return super().parse_args(ctx, args if args and args[0] in known else [DEFAULT_COMMAND, *args])


commands = typer.Typer(cls=_ListByDefault, help="Events that are not published yet, and quarantined keys.")


@commands.command(DEFAULT_COMMAND)
def outbox(
    service: OneService = None,
    as_json: AsJson = False,
) -> None:
    """Shows how many events wait to be published, for how long, and the quarantined keys."""
    statuses, problems = asyncio.run(ask_service(service, outbox_status))
    document = [OutboxView.of(status).model_dump(mode="json") for status in statuses]
    present(document, lambda: _show(statuses) if statuses else None, as_json=as_json, problems=problems)


@commands.command()
def redrive(
    key: Annotated[str, typer.Option(help="Quarantined key, as `waypost outbox` prints it.")],
    operator: As,
    reason: Reason,
    service: Annotated[
        str | None, typer.Option(help="Service whose outbox contains the key. Default: all services.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Releases a key from quarantine: the relay publishes its rows again, in order."""
    audit_context = AuditContext(operator=operator, reason=reason)

    async def redriven(asked: AdminService) -> str | None:
        try:
            await redrive_key(asked, key.encode(), audit_context)
        except NotFound:
            return None
        return asked.name

    answers, problems = asyncio.run(ask_service(service, redriven))
    services = [name for name in answers if name is not None]
    text = "\n".join(f"{name}: key {key} is released from quarantine" for name in services)
    if services or as_json:
        present([{"service": name, "key": key} for name in services], text, as_json=as_json)
    if not services:
        problems = [*problems, NotFound(f"key {key!r} is not quarantined; `waypost outbox` shows the quarantined keys")]
    end_with(problems if not services else ())


def _show(statuses: Sequence[OutboxStatus]) -> None:
    rows = table("service", "pending", "oldest", "quarantined keys", right=("pending", "oldest", "quarantined keys"))
    for status in statuses:
        rows.add_row(
            status.service, str(status.backlog.pending), span_of(status.age), str(len(status.quarantined_keys))
        )
    console.print(rows)
    for status in statuses:
        for key in status.quarantined_keys:
            console.print(
                f"{status.service}: key {readable(key.key)} of shard {key.shard} since {moment(key.quarantined_at)},"
                f" {key.pending} rows wait: {key.reason}"
            )
