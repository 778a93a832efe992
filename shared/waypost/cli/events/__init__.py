"""`waypost events tail|show|republish`"""

import typer

from waypost.cli.events.republish import republish_command
from waypost.cli.events.show import show
from waypost.cli.events.tail import tail

commands = typer.Typer(no_args_is_help=True, help="Events, as they pass and where they lie.")
commands.command()(tail)
commands.command()(show)
commands.command("republish")(republish_command)
