"""The page of faults names a test for every row, and each named test exists."""

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from infra.stack.places import CHECKOUT

PAGE = CHECKOUT / "docs" / "guide" / "faults.md"
ROWS = range(1, 49)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows_of(page: str) -> Mapping[int, Sequence[tuple[str, str]]]:
    """The tests of each numbered row, as (file, function)."""
    numbered = (re.match(r"\| (\d+) \|", line) for line in page.splitlines())
    return {int(found[1]): NAMED.findall(found.string) for found in numbered if found}


def functions_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def absent(page: str) -> list[str]:
    return [
        f"{file}::{name}"
        for file, name in NAMED.findall(page)
        if not (CHECKOUT / file).exists() or name not in functions_in(CHECKOUT / file)
    ]


def test_every_row_has_a_test() -> None:
    assert {row for row, tests in rows_of(PAGE.read_text()).items() if tests} == set(ROWS)


def test_no_row_is_listed_twice() -> None:
    numbers = re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(map(int, numbers)) == list(ROWS)


def test_each_named_test_exists() -> None:
    assert absent(PAGE.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "| 1 | a fault | it holds | `tests/faults/test_absent.py::test_killed_at` |",
        "| 1 | a fault | it holds | `tests/faults/test_api_crash.py::test_absent` |",
    ],
)
def test_an_absent_test_is_found(line: str) -> None:
    assert len(absent(line)) == 1
    assert rows_of("| 1 | a fault | it holds | |") == {1: []}
