"""The commands on the page about replays are valid: the commands, their options, and the names of
this project exist.
"""

import re
import shlex
from typing import Any

import pytest
from typer.main import get_command

from infra.stack.places import CHECKOUT
from waypost.cli.events.republish import require_published
from waypost.cli.main import app
from waypost.cli.projections import find
from waypost.cli.replay import find_reactor

PAGE = (CHECKOUT / "docs" / "guide" / "replay.md").read_text()
COMMANDS = [
    shlex.split(each.partition("waypost ")[2])
    for each in re.findall(r"`((?:bin/)?waypost [^`]+)`|^    (bin/waypost .+)$", PAGE, flags=re.MULTILINE)
    for each in filter(None, each)
]
KNOWN = {"rebuild": find, "replay": find_reactor}


def test_the_page_has_commands() -> None:
    assert {words[0] for words in COMMANDS} == {"projections", "replay", "events", "dead-letters", "audit"}


@pytest.mark.parametrize("words", [command for command in COMMANDS if len(command) > 2], ids=" ".join)
def test_a_command_is_one(words: list[str]) -> None:
    parameters = parsed(words)
    for verb, look_up in KNOWN.items():
        if verb in words:
            look_up(parameters["name"])
    for topic in parameters.get("topics", ()):
        require_published(topic)


def parsed(words: list[str]) -> dict[str, Any]:
    """Parses the command's parameters without running it. Raises UsageError."""
    command: Any = get_command(app)
    context = command.make_context("waypost", list(words), resilient_parsing=True)
    while hasattr(command, "resolve_command"):
        name, command, words = command.resolve_command(context, words)
        context = command.make_context(
            name, list(words), parent=context, resilient_parsing=hasattr(command, "resolve_command")
        )
    return dict(context.params)
