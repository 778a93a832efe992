"""`waypost events tail|show|republish`"""

import typer

from waypost.cli.events.republish import republish_command
from waypost.cli.events.show import show
from waypost.cli.events.tail import tail

commands = typer.Typer(no_args_is_help=True, help="Events in the topics, the event store and the outbox.")
commands.command()(tail)
commands.command()(show)
commands.command("republish")(republish_command)
