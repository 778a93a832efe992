"""Output of the commands: tables, lines and a progress bar for people; one JSON document, or one
object per line, for scripts.
"""

import base64
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table

from waypost.cli.services import start_hint
from waypost.kernel.errors import Misconfigured, Transient, WaypostError
from waypost.kernel.text import visible

UNFOLDED_WIDTH = 10_000
"""Columns when standard output is not a terminal: no row is folded, so that each row is one
line.
"""

AsJson = Annotated[bool, typer.Option("--json", help="Prints JSON, for scripts. Nothing is shortened.")]

_LAYOUT = "\n\t"
"""Control characters of our own output."""


class PlainConsole(Console):
    """A console on which text from events, names and errors cannot move the cursor, change colors
    or reorder the line: such characters appear as their escapes.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text, keep=_LAYOUT), segment.style)


class PlainTable(Table):
    """A table in which the text of a cell adds no line and no style to the row."""

    def add_row(self, *renderables: RenderableType | None, **options: Any) -> None:
        super().add_row(*(visible(cell) if isinstance(cell, str) else cell for cell in renderables), **options)


console = PlainConsole(width=None if sys.stdout.isatty() else UNFOLDED_WIDTH, highlight=False, markup=False)


def to_json(document: Any, *, indent: int | None = 2) -> str:
    """JSON whose text a terminal shows as it is: hidden characters are JSON escapes."""
    return visible(json.dumps(document, default=plain, ensure_ascii=False, indent=indent), keep=_LAYOUT)


def present(
    document: Any, text: str | Callable[[], None], *, as_json: bool, problems: Sequence[WaypostError] = ()
) -> None:
    """Prints `document` as JSON with --json, otherwise the text. Then prints the problems and exits
    with 1 if there are any.
    """
    if as_json:
        console.print(to_json(document), soft_wrap=True)
    elif isinstance(text, str):
        console.print(text, soft_wrap=True)
    else:
        text()
    end_with(problems)


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """An empty table. The columns named in `right` are right-aligned, for numbers."""
    empty = PlainTable(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        empty.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return empty


def lines(title: str, facts: Mapping[str, Any]) -> None:
    """Prints one fact per line, nested facts indented below."""
    console.print(title)
    _facts(facts, indent="  ")


def _facts(facts: Mapping[str, Any], indent: str) -> None:
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        if isinstance(value, Mapping):
            console.print(f"{indent}{name}")
            _facts(value, indent + "  ")
        elif value is not None:
            # A line end in a value must not look like another fact.
            shown = visible(str(plain(value)), keep="\n").replace("\n", f"\n{indent}{' ' * width}  ")
            console.print(f"{indent}{name:<{width}}  {shown}", soft_wrap=True)


def print_to_stderr(text: str) -> None:
    """Prints to standard error. Standard output carries only the result."""
    print(visible(text, keep=_LAYOUT), file=sys.stderr, flush=True)  # noqa: T201 - output of a command


def print_error(problem: WaypostError) -> None:
    """Prints an error, and for a transient one how to start the stack."""
    is_down = isinstance(problem, Transient) and not isinstance(problem, Misconfigured)
    hint = f". {start_hint()}" if is_down else ""
    print_to_stderr(f"waypost: {problem}{hint}")


def end_with(problems: Sequence[WaypostError]) -> None:
    """Prints the problems, and exits with 1 if there are any."""
    for problem in problems:
        print_error(problem)
    if problems:
        raise typer.Exit(1)


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


def span_of(time: timedelta | None) -> str:
    """Formats a duration in at most two units: `3 d 4 h`, `12 min 5 s`, `0.4 s`."""
    if time is None:
        return "-"
    seconds = time.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    for size, unit, smaller, below in ((86_400, "d", "h", 3600), (3600, "h", "min", 60), (60, "min", "s", 1)):
        if seconds >= size:
            whole, rest = divmod(int(seconds), size)
            return f"{whole} {unit} {rest // below} {smaller}"
    raise AssertionError(seconds)


def readable(key: bytes) -> str:
    """Formats a record key, which is usually the text of an id."""
    return key.decode(errors="backslashreplace")


def plain(value: object) -> object:
    """Converts a value that JSON cannot represent: a dataclass, a time, a duration in seconds,
    bytes as base64.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta():
            return round(value.total_seconds(), 3)
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return str(value)


@contextmanager
def progress_bar(title: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Shows a progress bar on standard error, and only in a terminal. Yields a function that
    updates it: its arguments are the processed and the total number of records.
    """
    from rich.progress import Progress  # here, because only long commands load it

    with Progress(console=Console(stderr=True), disable=quiet or not sys.stderr.isatty()) as bar:
        task = bar.add_task(title, total=None)
        yield lambda records, of: bar.update(task, completed=records, total=of)
