"""`waypost jobs list|show|declared|retry|cancel|run`"""

import typer

from waypost.cli.jobs.changes import cancel, retry, run
from waypost.cli.jobs.declarations import list_declared_jobs
from waypost.cli.jobs.inspection import list_jobs, show

commands = typer.Typer(no_args_is_help=True, help="Background jobs: queued, running and dead.")
commands.command("list")(list_jobs)
commands.command()(show)
commands.command("declared")(list_declared_jobs)
commands.command()(retry)
commands.command()(cancel)
commands.command()(run)
