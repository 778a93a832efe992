"""`waypost schemas`: the rest of the command line is that of `waypost.schemas`."""

import typer

from waypost.schemas.__main__ import main


def schemas(context: typer.Context) -> None:
    """Keeps the event schemas: generate, lock, check, push."""
    raise typer.Exit(main(context.args))


schemas.context_settings = {  # type: ignore[attr-defined]  # read by waypost.cli.commands
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}
