"""The commands by name. A module is imported when its command runs, so that help costs nothing of
what the commands use.
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
    """A function, or a `typer.Typer` with commands of its own."""
    help: str
    """Its first line; equal to the one that the command itself has."""
    extra: str | None = None
    """Of the distribution, for a command that needs one."""

    def load(self, name: str) -> Any:
        found = getattr(self._imported(name), self.attribute)
        if isinstance(found, typer.Typer):
            return _named(typer.main.get_group(found), name)
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(name, context_settings=getattr(found, "context_settings", None))(found)
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
    "topics": Entry(
        "waypost.cli.topics", "topics", "Every topic: its partitions, how long it keeps records, and how many it holds."
    ),
    "consumers": Entry(
        "waypost.cli.consumers",
        "consumers",
        "How far each consumer is behind, in records and in time, and what it has set aside.",
    ),
    "trace": Entry(
        "waypost.cli.trace",
        "trace",
        "The trace that an event belongs to, as a tree: which process did what, when, for how long, and what waited in between.",
    ),
    "replay": Entry(
        "waypost.cli.replay",
        "replay",
        "Lists the events that a reactor was given and has a handler for; with --again it is given them once more.",
    ),
    "audit": Entry("waypost.cli.audit", "audit", "What was changed by hand, by whom and why, the latest first."),
    "dead-letters": Entry(
        "waypost.cli.dead_letters", "commands", "What consumers could not handle, and the keys that wait behind it."
    ),
    "events": Entry("waypost.cli.events", "commands", "Events, as they pass and where they lie."),
    "jobs": Entry("waypost.cli.jobs", "commands", "Background work: what waits, runs and gave up."),
    "outbox": Entry("waypost.cli.outbox", "commands", "What waits to be published, and the keys that are set aside."),
    "operators": Entry("waypost.cli.operators", "commands", "Those who run the system."),
    "openapi": Entry("waypost.cli.documents", "openapi", "The services' HTTP APIs, as OpenAPI documents."),
    "asyncapi": Entry("waypost.cli.documents", "asyncapi", "The services' events, as AsyncAPI documents."),
    "projections": Entry("waypost.cli.projections", "commands", "Read models, made anew beside the live ones."),
    "schemas": Entry(
        "waypost.cli.schemas", "commands", "Event schemas: their ids, samples and generated classes.", "schemas"
    ),
    "migrate": Entry(
        "waypost.cli.migrate",
        "migrate",
        "Upgrades the databases of services: the toolkit's tables first, then the service's own.",
    ),
    "dev": Entry("waypost.cli.dev", "commands", "The project on this machine: Kafka, PostgreSQL, its services.", "dev"),
    "new": Entry("waypost.cli.new", "commands", "Writes a new project, or a new service of a project.", "dev"),
    "token": Entry("waypost.cli.token", "token", "Prints an access token of a development user."),
}


class LoadedCommands(Mapping[str, Any]):
    """The commands themselves; each is imported when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        return COMMANDS[name].load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class LazyCommands(TyperGroup):
    """Lists the commands by their entries, and imports the one that is called."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "commands": {}})
        self.commands: Any = LoadedCommands()

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        return typer.core.TyperCommand(cmd_name, help=COMMANDS[cmd_name].help)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, entry, rest = super().resolve_command(ctx, args)
        return name, entry and self.commands[entry.name], rest


def _named(command: Any, name: str) -> Any:
    command.name = name
    return command
