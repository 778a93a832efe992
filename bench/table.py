"""Every row of the benchmark table."""

import argparse
from collections.abc import Sequence

from bench import (
    consumer_rows,
    consumer_safety,
    enqueue_rows,
    history_rows,
    job_rows,
    rebuild_rows,
    relay_rows,
    safety,
    stack_rows,
    whole_stack,
    writes,
)

MODULES = (
    writes,
    whole_stack,
    job_rows,
    consumer_rows,
    rebuild_rows,
    relay_rows,
    stack_rows,
    enqueue_rows,
    safety,
    consumer_safety,
    history_rows,
)
"""In the order of the table."""
ROWS = {row.id: row for module in MODULES for row in module.ROWS}


def add_rows_argument(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """Adds `rows`: names of these rows, all by default."""

    def name(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"there is no row {text}; choose from {', '.join(names)}")
        return text

    parser.add_argument("rows", nargs="*", metavar="ROW", type=name, default=list(names), help=", ".join(names))
