"""Every row of the benchmark table: the `ROWS` of each module in this folder."""

import argparse
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from bench.frame.results import place_of
from bench.frame.row import Row

DECLARATION = "\nROWS = ["


def rows() -> Mapping[str, Row]:
    """Raises AssertionError for two rows of one name."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    modules = [import_module(f"bench.{file.stem}") for file in files if DECLARATION in file.read_text()]
    found: list[Row] = [row for module in modules for row in module.ROWS]
    named = {row.id: row for row in sorted(found, key=lambda row: place_of(row.id))}
    assert len(named) == len(found), "two rows have the same name"
    return named


ROWS = rows()


def add_rows_argument(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """Adds `rows`: names of these rows, all by default."""

    def name(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"there is no row {text}; choose from {', '.join(names)}")
        return text

    parser.add_argument("rows", nargs="*", metavar="ROW", type=name, default=list(names), help=", ".join(names))
