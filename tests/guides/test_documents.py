"""Every Markdown file of the project: its links and the paths that it names exist, its lines
fit, and README shows real code.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from infra.prose.passages import tracked_files
from infra.stack.places import CHECKOUT
from waypost.cli.main import app

COLUMN = 100
README = (CHECKOUT / "README.md").read_text()
PAGES = [page.relative_to(CHECKOUT) for page in tracked_files(CHECKOUT, ["*.md"])]
WRITTEN = [page for page in PAGES if page.parent.name != "reference"]
"""Not generated from docstrings, whose lines the code decides."""
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")
NAMED_PATH = re.compile(r"`((?:docs|infra|services|shared|tests)/[\w./*-]+)`")
CODE = re.compile(
    r"In `(?P<path>services/[\w/]+\.py)`:\n+```python\n(?P<code>.*?)^```$", flags=re.MULTILINE | re.DOTALL
)
COMMAND_ROW = re.compile(r"^\| (`[^|]+?) \|", flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for path, heading in LINK.findall((CHECKOUT / page).read_text()):
        target = CHECKOUT / (page.parent / path if path else page)
        if not target.exists() or (heading and heading not in headings_of(target)):
            broken.append(f"{path}#{heading}")
    assert broken == []


def headings_of(page: Path) -> list[str]:
    """Anchors as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]


@pytest.mark.parametrize("page", WRITTEN, ids=str)
def test_prose_ends_at_the_column(page: Path) -> None:
    assert [line for line in prose_of(page) if len(line) > COLUMN and " " in line.strip()] == []


def prose_of(page: Path) -> Iterator[str]:
    """Lines outside code, tables and indented code."""
    code = False
    for line in (CHECKOUT / page).read_text().splitlines():
        if line.startswith("```"):
            code = not code
        elif not code and not line.startswith(("|", "    ")):
            yield line


def test_paths_that_the_readme_names_exist() -> None:
    assert [path for path in NAMED_PATH.findall(README) if not list(CHECKOUT.glob(path.rstrip("/")))] == []


def test_tests_that_guard_a_promise_exist() -> None:
    promises = README.partition("| guarded by |")[2]
    for row in promises.splitlines():
        folder = CHECKOUT
        for path in re.findall(r"`([\w/*.]+\.py|tests/[\w/*]+/)`", row):
            pattern = path if path.startswith("tests/") else str(folder.relative_to(CHECKOUT) / path)
            found = list(CHECKOUT.glob(pattern.rstrip("/")))
            assert found, f"no test {pattern}"
            folder = found[0].parent


def test_code_in_the_readme_is_that_of_the_services() -> None:
    shown = [(found["path"], found["code"]) for found in CODE.finditer(README)]
    assert len(shown) == 3
    for path, code in shown:
        source = definitions_in((CHECKOUT / path).read_text())
        for name, definition in definitions_in(code).items():
            assert source.get(name) == definition, f"{name} differs from {path}"


def definitions_in(code: str) -> dict[str, str]:
    """Functions, methods and assigned names, each without docstrings."""
    found, tree = {}, ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            found[node.name] = "\n".join([ast.unparse(node.args), *map(ast.unparse, body)])
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node in tree.body:
            found[node.targets[0].id] = ast.unparse(node.value)
    return found


def test_commands_in_the_readme_exist() -> None:
    table = README.partition("## The `waypost` command\n")[2].partition("\n## ")[0]
    assert table
    for row in COMMAND_ROW.findall(table):
        group: list[str] = []
        for words in (each.split() for each in re.findall(r"`([a-z][^`]*)`", row)):
            path = [word for word in words if re.fullmatch(r"[a-z][a-z-]+", word)]
            group = path[:-1] or group if len(path) > 1 else group
            assert is_command(path) or is_command([*group, *path]), f"no command {' '.join(words)}"


def is_command(path: list[str]) -> bool:
    command = get_command(app)
    for name in path:
        found = getattr(command, "commands", {}).get(name)
        if found is None:
            return False
        command = found
    return True


def test_the_index_of_decisions_is_complete() -> None:
    folder = CHECKOUT / "docs" / "decisions"
    listed = re.findall(r"^\| \[\d{4}\]\(([^)]+)\)", (folder / "README.md").read_text(), flags=re.MULTILINE)
    assert listed == sorted(page.name for page in folder.glob("0*.md"))
