"""How far a long command is, on standard error and for people alone; and how fast it may go."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress as Bar

from waypost.cli.parsing import a_rate

PerSecond = Annotated[
    float | None, typer.Option("--rate", parser=a_rate, help="At most so many records a second: 5000, 0.2/s.")
]


@contextmanager
def shown(title: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Gives what takes the records done, and of how many."""
    with Bar(console=Console(stderr=True), disable=quiet or not sys.stderr.isatty()) as bar:
        task = bar.add_task(title, total=None)
        yield lambda records, of: bar.update(task, completed=records, total=of)
