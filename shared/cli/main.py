"""Puts the commands together; an error of ours is one line and exit code 1."""

import logging
import sys

import structlog
import typer

from shared.cli import events, projections
from shared.cli.consumers import consumers
from shared.cli.outbox import outbox
from shared.cli.topics import topics
from shared.cli.trace import trace
from shared.kernel.errors import Transient, WaypostError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(topics)
app.command()(outbox)
app.command()(consumers)
app.command()(trace)
app.add_typer(events.commands, name="events")
app.add_typer(projections.commands, name="projections")


@app.callback()
def waypost() -> None:
    """Looks into a running Waypost system, and mends it."""


def main() -> None:
    # Standard output is the answer, and the broker's client would tell every failed try beside our one line.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        app()
    except WaypostError as problem:
        hint = ". Does the stack run? `make status`" if isinstance(problem, Transient) else ""
        print(f"waypost: {problem}{hint}", file=sys.stderr)  # noqa: T201 - for whoever typed the command
        raise SystemExit(1) from problem
