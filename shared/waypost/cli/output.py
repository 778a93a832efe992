"""What the command prints: tables and lines for people, one JSON document or one object a line for
scripts.
"""

import base64
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from waypost.cli.services import start_hint
from waypost.kernel.errors import Transient, WaypostError

WIDTH_OF_FILES = 10_000
"""Columns where there is no terminal to ask: a line is a row, whatever the length of a name in it.
"""

AsJson = Annotated[bool, typer.Option("--json", help="For scripts: JSON, nothing shortened.")]

console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_FILES, highlight=False, markup=False)


def to_json(told: Any, *, indent: int | None = 2) -> str:
    return json.dumps(told, default=plain, ensure_ascii=False, indent=indent)


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """Columns named in `right` hold numbers."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for each in columns:
        made.add_column(each, justify="right" if each in right else "left", overflow="fold")
    return made


def lines(title: str, facts: Mapping[str, Any]) -> None:
    """A fact a line, those inside a fact indented below it."""
    console.print(title)
    _facts(facts, indent="  ")


def _facts(facts: Mapping[str, Any], indent: str) -> None:
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        if isinstance(value, Mapping):
            console.print(f"{indent}{name}")
            _facts(value, indent + "  ")
        elif value is not None:
            console.print(f"{indent}{name:<{width}}  {plain(value)}", soft_wrap=True)


def remark(text: str) -> None:
    """To standard error: standard output is the answer alone."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - for whoever typed the command


def remark_on(problem: WaypostError) -> None:
    """What, why, and what to do."""
    hint = f". {start_hint()}" if isinstance(problem, Transient) else ""
    remark(f"waypost: {problem}{hint}")


def end_with(problems: Sequence[WaypostError]) -> None:
    """Names what could not be asked, and exits with 1 if there was any."""
    for each in problems:
        remark_on(each)
    if problems:
        raise typer.Exit(1)


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


def span_of(time: timedelta | None) -> str:
    """`3 d 4 h`, `12 min 5 s`, `0.4 s`: two units at most."""
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
    """A record's key: nearly always the text of an id."""
    return key.decode(errors="backslashreplace")


def plain(value: object) -> object:
    """What JSON has no word for."""
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
