"""Puts the commands together; an error of ours is one line and exit code 1."""

import logging
import sys

import structlog
import typer

from shared.cli import dead_letters, events, projections
from shared.cli.audit import audit
from shared.cli.consumers import consumers
from shared.cli.outbox import outbox
from shared.cli.output import remark_on
from shared.cli.topics import topics
from shared.cli.trace import trace
from shared.kernel.errors import WaypostError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(topics)
app.command()(outbox)
app.command()(consumers)
app.command()(trace)
app.command()(audit)
app.add_typer(dead_letters.commands, name="dead-letters")
app.add_typer(events.commands, name="events")
app.add_typer(projections.commands, name="projections")


@app.callback()
def waypost() -> None:
    """Looks into a running Waypost system, and mends it."""


def main() -> None:
    # The command tells what failed by itself, in a line; standard output is the answer alone.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        app(prog_name="waypost")
    except WaypostError as problem:
        remark_on(problem)
        raise SystemExit(1) from problem
