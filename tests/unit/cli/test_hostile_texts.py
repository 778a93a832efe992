"""Text from events, names and errors on a terminal: it moves no cursor, changes no color and adds
no line.
"""

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import waypost.cli
from tests.fixtures.names import HOSTILE_TEXTS
from tests.unit.cli.test_trace import REQUEST
from waypost.cli import output
from waypost.cli.trace.timing import timed_spans
from waypost.cli.trace.tree import tree_of
from waypost.kernel.text import visible

COMMANDS = Path(waypost.cli.__file__).parent
OUTPUT = COMMANDS / "output.py"
HIDDEN_IN_OUTPUT = "\n\t"


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_text_is_only_text_in_each_form_of_output(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for word in (text, "Ada"):
        cells = output.table("name", "number", right=["number"])
        cells.add_row(word, "1")
        spans = tree_of("trace", timed_spans([replace(REQUEST, name=word, service=word)]))
        for form in (cells, spans, word.replace("\n", ""), [word], {"name": word}):
            output.console.print(form, soft_wrap=True)
        output.lines("facts", {"name": word.replace("\n", ""), "nested": {"name": 1}})
        output.present({"name": word}, "", as_json=True)
        output.print_to_stderr(word.replace("\n", ""))
        printed.append("".join(capsys.readouterr()))
    hostile, benign = printed
    assert visible(hostile, keep=HIDDEN_IN_OUTPUT) == hostile
    assert len(hostile.splitlines()) == len(benign.splitlines())


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_json_keeps_the_text(text: str) -> None:
    document = output.to_json({"name": text})
    assert json.loads(document)["name"] == text
    assert visible(document, keep=HIDDEN_IN_OUTPUT) == document


def test_every_command_prints_through_these_forms() -> None:
    """A new command that prints by itself fails here."""
    others = [
        f"{path.relative_to(COMMANDS)}:{call.lineno}"
        for path in sorted(COMMANDS.rglob("*.py"))
        if path != OUTPUT
        for call in _calls(path)
        if ast.unparse(call.func) in ("print", "Console", "sys.stdout.write", "sys.stderr.write")
        or (ast.unparse(call.func) == "typer.echo" and not _is_escaped(call))
    ]
    assert others == []


def _calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def _is_escaped(call: ast.Call) -> bool:
    """`typer.echo` prints to a pipe without folding: its text is escaped, or our constant."""
    text = ast.unparse(call.args[0])
    return "visible(" in text or "VERSION" in text


def test_a_line_end_in_a_fact_is_not_another_fact(capsys: pytest.CaptureFixture[str]) -> None:
    output.lines("facts", {"error": "refused\nstatus  settled", "status": "dead"})
    assert capsys.readouterr().out.splitlines() == [
        "facts",
        "  error   refused",
        "          status  settled",
        "  status  dead",
    ]
