"""`waypost dead-letters list|show|redrive|discard`"""

import typer

from waypost.cli.dead_letters.discarding import discard
from waypost.cli.dead_letters.looking import list_dead_letters, show
from waypost.cli.dead_letters.redriving import redrive

commands = typer.Typer(no_args_is_help=True, help="What consumers could not handle, and the keys that wait behind it.")
commands.command("list")(list_dead_letters)
commands.command()(show)
commands.command()(redrive)
commands.command()(discard)
