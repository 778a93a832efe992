"""Puts the commands together; an error of ours is one line and exit code 1."""

import sys

import typer

from shared.cli import projections
from shared.kernel.errors import WaypostError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(projections.commands, name="projections")


@app.callback()
def waypost() -> None:
    """Looks into a running Waypost system, and mends it."""


def main() -> None:
    try:
        app()
    except WaypostError as problem:
        print(f"waypost: {problem}", file=sys.stderr)  # noqa: T201 - for whoever typed the command
        raise SystemExit(1) from problem
