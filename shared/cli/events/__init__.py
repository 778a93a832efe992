"""`waypost events tail|show|republish`"""

import typer

from shared.cli.events.republish import republish_command
from shared.cli.events.show import show
from shared.cli.events.tail import tail

commands = typer.Typer(no_args_is_help=True, help="Events, as they pass and where they lie.")
commands.command()(tail)
commands.command()(show)
commands.command("republish")(republish_command)
