"""`waypost outbox [SERVICE]`, and `waypost outbox redrive`"""

from collections.abc import Mapping
from typing import Any

import typer

from waypost.cli.commands import Entry, LazyCommands

DEFAULT_COMMAND = "list"


COMMANDS: Mapping[str, Entry] = {
    DEFAULT_COMMAND: Entry(
        "waypost.cli.outbox.show",
        "show",
        "Shows how many events wait to be published, for how long, and the quarantined keys.",
    ),
    "redrive": Entry(
        "waypost.cli.outbox.redrive",
        "redrive",
        "Releases a key from quarantine: the relay publishes its rows again, in order.",
    ),
}


class OutboxCommands(LazyCommands):
    """`waypost outbox users` is `waypost outbox list users`."""

    table = COMMANDS

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = {*self.commands, "--help"}
        return super().parse_args(ctx, args if args and args[0] in known else [DEFAULT_COMMAND, *args])


commands = typer.Typer(cls=OutboxCommands, help="Events that are not published yet, and quarantined keys.")
