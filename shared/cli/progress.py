"""How far a long command is, on standard error and for people alone; and how fast it may go."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress as Bar

PerSecond = Annotated[int | None, typer.Option("--rate", min=1, help="Records per second at most.")]


@contextmanager
def shown(title: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Gives what takes the records done, and of how many."""
    with Bar(console=Console(stderr=True), disable=quiet or not sys.stderr.isatty()) as bar:
        task = bar.add_task(title, total=None)
        yield lambda records, of: bar.update(task, completed=records, total=of)
