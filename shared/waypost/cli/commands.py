"""Tables of commands. A module is imported only when its command runs: `--help` is fast, and a
command that only reads does not load what the other commands of its group need.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import typer
from typer.core import TyperGroup

from waypost.kernel.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Entry:
    module: str
    attribute: str
    """A function, or a `typer.Typer` with subcommands."""
    help: str
    """First line of the command's own help; a test compares the two."""
    extra: str | None = None
    """Extra of the distribution that the command requires."""

    def load(self, name: str) -> Any:
        target = getattr(self._imported(name), self.attribute)
        if isinstance(target, typer.Typer):
            return _named(typer.main.get_group(target), name)
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(name, context_settings=getattr(target, "context_settings", None))(target)
        return _named(typer.main.get_command(single), name)

    def _imported(self, name: str) -> ModuleType:
        try:
            return import_module(self.module)
        except ModuleNotFoundError as missing:
            if self.extra is None:
                raise
            raise Misconfigured(
                f"`waypost {name}` needs {missing.name}, which is not installed: pip install 'waypost[{self.extra}]'"
            ) from missing


COMMANDS: Mapping[str, Entry] = {
    "doctor": Entry(
        "waypost.cli.doctor", "doctor", "Checks a running system for known problems, and prints the remedy of each."
    ),
    "topics": Entry("waypost.cli.topics", "topics", "Lists the topics: partitions, retention and number of records."),
    "access": Entry(
        "waypost.cli.access", "access", "Lists the rights in Kafka that each process needs, as arguments of kafka-acls."
    ),
    "consumers": Entry(
        "waypost.cli.consumers",
        "consumers",
        "Shows the lag of each consumer in records and in time, its parked keys and dead letters.",
    ),
    "trace": Entry(
        "waypost.cli.trace.command",
        "trace",
        "Shows the trace of an event as a tree: the spans of each process, their start, duration and waiting time.",
    ),
    "replay": Entry(
        "waypost.cli.replay",
        "replay",
        "Lists the events that a reactor processed and has a handler for; with --again, delivers them again.",
    ),
    "audit": Entry(
        "waypost.cli.audit", "audit", "Lists the changes that operators made, with name and reason, the latest first."
    ),
    "dead-letters": Entry(
        "waypost.cli.dead_letters", "commands", "Records that consumers could not handle, and their parked keys."
    ),
    "events": Entry("waypost.cli.events", "commands", "Events in the topics, the event store and the outbox."),
    "jobs": Entry("waypost.cli.jobs", "commands", "Background jobs: queued, running and dead."),
    "outbox": Entry("waypost.cli.outbox", "commands", "Events that are not published yet, and quarantined keys."),
    "operators": Entry("waypost.cli.operators", "commands", "Access tokens of operators."),
    "keys": Entry("waypost.cli.keys", "commands", "Keys that sign access tokens."),
    "openapi": Entry("waypost.cli.documents", "openapi", "HTTP APIs of the services, as OpenAPI documents."),
    "asyncapi": Entry("waypost.cli.documents", "asyncapi", "Events of the services, as AsyncAPI documents."),
    "projections": Entry("waypost.cli.projections", "commands", "Rebuilds of read models."),
    "schemas": Entry(
        "waypost.cli.schemas", "commands", "Event schemas: their ids, samples and generated classes.", "schemas"
    ),
    "migrate": Entry(
        "waypost.cli.migrate",
        "migrate",
        "Migrates the services' databases: first the toolkit's tables, then the service's own.",
    ),
    "dev": Entry("waypost.cli.dev", "commands", "The project on this machine: Kafka, PostgreSQL, its services.", "dev"),
    "new": Entry("waypost.cli.new", "commands", "Writes a new project, or a new service of a project.", "dev"),
    "token": Entry("waypost.cli.token", "token", "Prints an access token of a development user."),
}


class LoadedCommands(Mapping[str, Any]):
    """The command objects of a table. Each one is imported at its first use."""

    def __init__(self, table: Mapping[str, Entry]) -> None:
        self._table = table

    def __getitem__(self, name: str) -> Any:
        return self._table[name].load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


class LazyCommands(TyperGroup):
    """Lists the commands from its table, and imports only the called one."""

    table: Mapping[str, Entry] = COMMANDS

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "commands": {}})
        self.commands: Any = LoadedCommands(self.table)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.table:
            return None
        return typer.core.TyperCommand(cmd_name, help=self.table[cmd_name].help)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, entry, rest = super().resolve_command(ctx, args)
        return name, entry and self.commands[entry.name], rest


def _named(command: Any, name: str) -> Any:
    command.name = name
    return command
