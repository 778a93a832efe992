"""The toolkit does not depend on an application, nor on files and commands of this repository."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLKIT = ROOT / "shared" / "waypost"
FILES = sorted(TOOLKIT.rglob("*.py"))
NAMES = re.compile(
    r"(?<![\w./])(?:services|schemas|infra|tests|bench)\.\w"  # a module of this repository
    r"|\binfra\b|(?<!tool)\.waypost\b|\bbin/waypost|\bmake (?:up|down|demo|status|check|test|lock|setup)\b"
    r"|\b(?:billing|notifications)\b|\bdocs/\w|README|CONTRIBUTING"
)
"""Patterns of strings that would reveal the application."""
OWN_FOLDER = {f"shared/waypost/native/folders.py: {'.waypost'!r}"}
"""One module names the folder that the toolkit creates in a project."""


def strings_of(module: ast.Module) -> Iterator[tuple[int, str]]:
    """String literals of the running code, without docstrings and attribute docs."""
    prose = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TOOLKIT)))
def test_no_string_of_the_toolkit_names_this_repository(file: Path) -> None:
    found = {
        f"{file.relative_to(ROOT)}: {text!r}": line
        for line, text in strings_of(ast.parse(file.read_text(encoding="utf-8")))
        if NAMES.search(text)
    }
    assert {text: line for text, line in found.items() if text not in OWN_FOLDER} == {}


@pytest.mark.parametrize(
    "text", ["services.users.app", "infra", ".waypost/8000", "run `make up`", "docs/guide", "bin/waypost", "billing"]
)
def test_such_a_string_is_found(text: str) -> None:
    assert NAMES.search(text)


@pytest.mark.parametrize("text", ["/services/users", "schemas", "services", "waypost.schemas.check", "[tool.waypost]"])
def test_other_strings_are_not(text: str) -> None:
    assert not NAMES.search(text)
