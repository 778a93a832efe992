"""The commands by name: listed without being imported, and imported when they run."""

import pytest
from typer.testing import CliRunner

from waypost import VERSION
from waypost.cli.commands import COMMANDS, LoadedCommands
from waypost.cli.dead_letters import DeadLetterCommands
from waypost.cli.events import EventCommands
from waypost.cli.jobs import JobCommands
from waypost.cli.main import app
from waypost.cli.outbox import OutboxCommands

TABLES = {
    "": COMMANDS,
    "jobs": JobCommands.table,
    "dead-letters": DeadLetterCommands.table,
    "events": EventCommands.table,
    "outbox": OutboxCommands.table,
}
NAMED = [(group, name) for group, table in TABLES.items() for name in table]


@pytest.mark.parametrize(("group", "name"), NAMED)
def test_the_list_says_of_a_command_what_the_command_says_of_itself(group: str, name: str) -> None:
    told: str = LoadedCommands(TABLES[group])[name].help
    assert " ".join(told.split("\n\n")[0].split()) == TABLES[group][name].help


def test_help_lists_every_command() -> None:
    lines = CliRunner().invoke(app, ["--help"]).stdout.replace("│", " ").splitlines()
    assert set(COMMANDS) <= {line.split()[0] for line in lines if line.strip()}


def test_a_misspelt_command_is_answered_with_the_nearest_one() -> None:
    refused = CliRunner().invoke(app, ["tpics"])
    assert refused.exit_code == 2
    assert "Did you mean 'topics'?" in refused.output


def test_the_version_is_that_of_the_distribution() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"waypost {VERSION}\n"
