"""CSV exports: a cell never computes, and numbers stay numbers."""

import ast
import csv
import io
from pathlib import Path

import pytest

import waypost
from tests.fixtures.names import HOSTILE_TEXTS
from waypost.kernel.text import storable
from waypost.web import spreadsheets
from waypost.web.spreadsheets import csv_document

PRODUCT = Path(__file__).parents[4]
TOOLKIT = Path(waypost.__file__).parent


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_a_text_is_only_text_in_a_cell(text: str) -> None:
    document = csv_document(["name", "amount_minor"], [{"name": text, "amount_minor": -5}])
    header, row = csv.reader(io.StringIO(document, newline=""))
    assert header == ["name", "amount_minor"]
    assert row[0].removeprefix("'") == storable(text).removeprefix("'")
    assert not row[0].lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d"))
    assert row[1] == "-5"


def test_every_export_is_written_by_this_module() -> None:
    """A new export that writes its own CSV fails here."""
    paths = [*(PRODUCT / "services").rglob("*.py"), *TOOLKIT.rglob("*.py")]
    writers = [path for path in paths if _imports_csv(path)]
    assert writers == [Path(spreadsheets.__file__)]
    routes = [path for path in paths if '"text/csv"' in path.read_text()]
    assert routes
    assert all("csv_document(" in path.read_text() for path in routes)


def _imports_csv(path: Path) -> bool:
    return any(
        (isinstance(node, ast.Import) and any(alias.name == "csv" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "csv")
        for node in ast.walk(ast.parse(path.read_text()))
    )
