"""`waypost dead-letters list|show|redrive|discard|adopt`"""

from collections.abc import Mapping

import typer

from waypost.cli.commands import Entry, LazyCommands

COMMANDS: Mapping[str, Entry] = {
    "list": Entry(
        "waypost.cli.dead_letters.show",
        "list_dead_letters",
        "Lists dead letters, the earliest first failure first.",
    ),
    "show": Entry(
        "waypost.cli.dead_letters.show", "show", "Shows one dead letter: the failure, its cause and the record."
    ),
    "redrive": Entry(
        "waypost.cli.dead_letters.redrive",
        "redrive",
        "Redrives the keys of the matching dead letters, each key from its lowest version, until a dead letter fails or none is left.",
    ),
    "discard": Entry(
        "waypost.cli.dead_letters.discard",
        "discard",
        "Settles the matching dead letters without handling them: their events count as handled.",
    ),
    "adopt": Entry(
        "waypost.cli.dead_letters.adopt",
        "adopt",
        "Replaces the event that was handled under the version of a version conflict by the event of the dead letter.",
    ),
}


class DeadLetterCommands(LazyCommands):
    table = COMMANDS


commands = typer.Typer(
    cls=DeadLetterCommands, no_args_is_help=True, help="Records that consumers could not handle, and their parked keys."
)
