"""Puts the commands together; an error of ours is one line and exit code 1."""

import logging
import sys
from typing import Annotated

import structlog
import typer

from waypost.cli import dead_letters, events, jobs, operators, outbox, projections, schemas
from waypost.cli.audit import audit
from waypost.cli.consumers import consumers
from waypost.cli.documents import asyncapi, openapi
from waypost.cli.output import console, remark_on
from waypost.cli.replay import replay
from waypost.cli.token import token
from waypost.cli.topics import topics
from waypost.cli.trace import trace
from waypost.kernel.errors import WaypostError
from waypost.web.health import release

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(topics)
app.command()(consumers)
app.command()(trace)
app.command()(replay)
app.command()(audit)
app.command()(token)
app.add_typer(dead_letters.commands, name="dead-letters")
app.add_typer(events.commands, name="events")
app.add_typer(jobs.commands, name="jobs")
app.add_typer(outbox.commands, name="outbox")
app.add_typer(operators.commands, name="operators")
app.add_typer(openapi, name="openapi")
app.add_typer(asyncapi, name="asyncapi")
app.add_typer(projections.commands, name="projections")
app.add_typer(schemas.commands, name="schemas")


def show_version(wanted: bool) -> None:
    if wanted:
        console.print(f"waypost {release()}")
        raise typer.Exit


@app.callback()
def waypost(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Looks into a running Waypost system, and mends it."""


def main() -> None:
    # The command tells what failed by itself, in a line; standard output is the answer alone.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    for library in ("aiokafka", "opentelemetry"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    try:
        app(prog_name="waypost")
    except WaypostError as problem:
        remark_on(problem)
        raise SystemExit(1) from problem
