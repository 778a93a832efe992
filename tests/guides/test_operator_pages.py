"""The commands on the pages for operators are valid: the commands and their options exist, and each
remedy of the doctor's page is a command.
"""

import re
import shlex

import pytest

from infra.stack.places import CHECKOUT
from tests.guides.test_documents import is_command
from tests.guides.test_replay_page import parsed

PAGES = ["guide/encrypted-connections.md", "guide/on-call.md", "guide/production.md", "reference/doctor.md"]
AN_ID = "01a21327-343b-78b8-828e-29818cbf217b"
COMMAND = re.compile(r"`(?:bin/)?waypost ([^`]+)`|^ {4,}bin/waypost (.+)$", flags=re.MULTILINE)


def commands_of(page: str) -> list[str]:
    text = (CHECKOUT / "docs" / page).read_text()
    return sorted({" ".join((found[1] or found[2]).split()) for found in COMMAND.finditer(text)})


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_commands(page: str) -> None:
    assert commands_of(page)


@pytest.mark.parametrize("command", sorted({each for page in PAGES for each in commands_of(page)}))
def test_a_command_is_one(command: str) -> None:
    """A name alone, without arguments, is not parsed: an argument may be required."""
    words = [AN_ID if word.endswith("_ID") else word for word in shlex.split(command)]
    if len(words) > 2 or AN_ID in words:
        parsed(words)
    else:
        assert is_command([word for word in words if word.islower()])
