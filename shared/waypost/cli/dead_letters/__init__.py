"""`waypost dead-letters list|show|redrive|discard`"""

import typer

from waypost.cli.dead_letters.redrive import discard, redrive
from waypost.cli.dead_letters.show import list_dead_letters, show

commands = typer.Typer(no_args_is_help=True, help="Records that consumers could not handle, and their parked keys.")
commands.command("list")(list_dead_letters)
commands.command()(show)
commands.command()(redrive)
commands.command()(discard)
