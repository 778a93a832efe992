"""`waypost dev up|down|restart|status|logs|demo`"""

import asyncio
import logging
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from waypost.cli.dev.demo import show_demo
from waypost.cli.output import AsJson, PlainConsole, to_json
from waypost.devstack import logs
from waypost.devstack.client import StackClient
from waypost.devstack.stack import client_of_the_project, supervise
from waypost.devstack.table import WIDTH_WITHOUT_TERMINAL, problem_of, table_of
from waypost.kernel.errors import Misconfigured
from waypost.native.errors import StartFailed

commands = typer.Typer(no_args_is_help=True, help="The project on this machine: Kafka, PostgreSQL, its services.")

console = PlainConsole(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)


@commands.command()
def up() -> None:
    """Starts everything in the background, and waits until it is up."""
    client = client_of_the_project(console)
    if client.runs():
        console.print("The stack is already running.")
    else:
        asyncio.run(client.start())
    show_status(client)


@commands.command()
def down() -> None:
    """Stops everything, the last started first; data stays."""
    console.print("Stopped." if asyncio.run(client_of_the_project(console).stop()) else "No stack was running.")


@commands.command()
def restart(
    names: Annotated[list[str], typer.Argument(help="A process, or a service with all its processes.")],
) -> None:
    """Restarts processes, a service's migrations included, and waits until they are up."""
    console.print(f"Restarted {', '.join(asyncio.run(running_client().restart(names)))}.")


@commands.command()
def status(as_json: AsJson = False) -> None:
    """Shows each process; exits with 1 unless all are up."""
    raise typer.Exit(0 if show_status(running_client(), as_json=as_json) else 1)


@commands.command(name="logs")
def show_logs(name: Annotated[str | None, typer.Argument(help="A process; all of them unless given.")] = None) -> None:
    """Shows the end of the log files, and follows them on a terminal."""
    logs.follow(client_of_the_project(console).directory / "logs", name)


@commands.command()
def demo() -> None:
    """Sends one request to each service; shows its event on the topic, with headers, and its trace.

    If the stack is not running, starts it and stops it at the end.
    """
    asyncio.run(show_demo(client_of_the_project(console), console))


@commands.command(name="supervise", hidden=True)
def supervise_here(
    only: Annotated[list[str] | None, typer.Option(help="These and their dependencies.")] = None,
) -> None:
    """Runs the stack in the foreground until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    asyncio.run(supervise(only or ()))


def running_client() -> StackClient:
    """The client of the running stack. Raises Misconfigured if the stack is not running."""
    client = client_of_the_project(console)
    if not client.runs():
        raise Misconfigured("the stack is not running; `waypost dev up` starts it")
    return client


def show_status(client: StackClient, *, as_json: bool = False) -> bool:
    snapshot = client.board()
    if snapshot is None:
        raise StartFailed("the stack has just ended")
    if as_json:
        console.print(to_json([asdict(line) for line in snapshot.lines]), soft_wrap=True)
        return snapshot.all_up
    console.print(table_of(snapshot.lines))
    for line in snapshot.lines:
        if line.error:
            console.print(f"\n{line.name}: {problem_of(line)}\n  log: {line.log}", markup=False)
    return snapshot.all_up
