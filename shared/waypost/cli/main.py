"""The `waypost` command. An error of the toolkit prints one line on standard error and exits with
1.
"""

import logging
import sys
from typing import Annotated

import typer

from waypost import VERSION
from waypost.cli.commands import LazyCommands
from waypost.kernel.errors import WaypostError

app = typer.Typer(
    cls=LazyCommands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"waypost {VERSION}")
        raise typer.Exit


@app.callback()
def waypost(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Prints the version of the toolkit."),
    ] = False,
) -> None:
    """Develops a project, and inspects and repairs a running Waypost system."""
    if context.obj is not None:
        context.obj()


def main() -> None:
    try:
        app(prog_name="waypost", obj=_silence_logs)
    except WaypostError as problem:
        from waypost.cli.output import print_error

        print_error(problem)
        raise SystemExit(1) from problem


def _silence_logs() -> None:
    """Keeps log lines off the terminal: a command prints its own errors. Runs for a command, not
    for its help, because the import is slow.
    """
    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    for library in ("aiokafka", "opentelemetry"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
