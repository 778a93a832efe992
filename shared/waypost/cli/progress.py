"""Progress bar of a long command, on standard error and only in a terminal; and the option that
limits its rate.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress as Bar

from waypost.cli.parsing import a_rate

PerSecond = Annotated[
    float | None, typer.Option("--rate", parser=a_rate, help="Maximum number of records per second: 5000, 0.2/s.")
]


@contextmanager
def progress_bar(title: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yields a function that shows progress. Its arguments are the processed and the total number
    of records.
    """
    with Bar(console=Console(stderr=True), disable=quiet or not sys.stderr.isatty()) as bar:
        task = bar.add_task(title, total=None)
        yield lambda records, of: bar.update(task, completed=records, total=of)
