"""`waypost events tail|show|republish`"""

from collections.abc import Mapping

import typer

from waypost.cli.commands import Entry, LazyCommands

COMMANDS: Mapping[str, Entry] = {
    "tail": Entry(
        "waypost.cli.events.tail",
        "tail",
        "Prints events as they arrive, one per line. Joins no consumer group, so it does not affect consumers.",
    ),
    "show": Entry(
        "waypost.cli.events.show",
        "show",
        "Shows one decoded event: its data, its cause, and its position in the event store, the outbox and the topic.",
    ),
    "republish": Entry(
        "waypost.cli.events.republish",
        "republish_command",
        "Publishes the stored events that a topic no longer contains, with the same ids, headers and keys, in the order"
        " of each aggregate.",
    ),
}


class EventCommands(LazyCommands):
    table = COMMANDS


commands = typer.Typer(
    cls=EventCommands, no_args_is_help=True, help="Events in the topics, the event store and the outbox."
)
