"""`python -m infra.stack`: the stack's commands, behind the Makefile's targets.

Slow imports (Kafka's client, the services' libraries) are inside the commands that need them;
`status` does not.
"""

import asyncio
import logging
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from infra.stack.addresses import Addresses
from infra.stack.client import Client
from infra.stack.places import stack_directory
from infra.stack.servers import Servers, Standby
from waypost.devstack import logs
from waypost.devstack.table import WIDTH_WITHOUT_TERMINAL, problem_of, table_of
from waypost.kernel.errors import WaypostError
from waypost.native.errors import StartFailed

T = TypeVar("T")

commands = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)

Only = Annotated[list[str] | None, typer.Option(help="This component and its dependencies; may be repeated.")]

Secure = Annotated[
    bool | None,
    typer.Option(help="Encrypted connections, and a user for each process; as at the last start unless given."),
]


@commands.command()
def up(
    only: Only = None,
    brokers: Annotated[
        int | None, typer.Option(help="1 or 3 brokers of Kafka; as at the stack's last start unless given.")
    ] = None,
    standby: Annotated[
        Standby | None, typer.Option(help="A standby of PostgreSQL: 1 is synchronous, async is not, 0 is none.")
    ] = None,
    secure: Secure = None,
) -> None:
    """Starts everything in the background and waits until it is up."""
    client = client_here()
    Servers.choose(client.directory, brokers=brokers, standby=standby, secure=secure, is_running=client.runs())
    client = client_here()
    run(start_or_complete(client, only or ()))
    show_status(client)


@commands.command()
def restart(
    names: Annotated[list[str], typer.Argument(help="A component, or a service with all its components.")],
) -> None:
    """Restarts components of the running stack, a service's migrations included, and waits until
    they are up.
    """
    client = client_here()
    refuse_stopped(client)
    console.print(f"Restarted {', '.join(run(client.restart([part for name in names for part in name.split()])))}.")


@commands.command()
def dev(only: Only = None) -> None:
    """Starts the stack, then restarts the processes that a saved file affects, until Ctrl-C; the
    stack stays up.
    """
    from infra.stack.reload import restart_on_save

    client = client_here()
    run(start_or_complete(client, only or ()))
    show_status(client)
    run(restart_on_save(client, console))
    console.print("\nThe stack stays up; `make down` stops it.")


@commands.command()
def promote() -> None:
    """Ends PostgreSQL's primary without a checkpoint, and makes the standby the primary. Clients
    follow by themselves; the old primary becomes the standby.
    """
    from infra.stack.promotion import outcome

    client = client_here()
    refuse_stopped(client)
    (old,) = run(client.promote())
    promotion = outcome(client.addresses, client.directory, old)
    console.print(f"{promotion.primary} is the primary; {promotion.standby} is its standby.")
    if promotion.lost:
        console.print(f"It lacks {len(promotion.lost)} commits, which are in {promotion.old_data}:")
        for commit in promotion.lost:
            console.print(f"  {commit}", highlight=False)


@commands.command()
def down() -> None:
    """Stops every component in reverse order; keeps the data."""
    console.print("Stopped." if run(client_here().stop()) else "No stack was running.")


@commands.command()
def status() -> None:
    """Shows every component; exits with 1 unless all are up."""
    client = client_here()
    refuse_stopped(client)
    raise typer.Exit(0 if show_status(client) else 1)


@commands.command(name="logs")
def show_logs(
    name: Annotated[str | None, typer.Argument(help="A component; all components unless given.")] = None,
) -> None:
    """Shows the end of the log files, and follows them on a terminal."""
    logs.follow(client_here().directory / "logs", name or None)


@commands.command()
def demo(
    stay: Annotated[
        bool, typer.Option(help="Stay up afterwards, until Ctrl-C; the default on a terminal.")
    ] = sys.stdout.isatty(),
    secure: Secure = None,
) -> None:
    """Runs the story from sign-up to the paid invoice, step by step; exits with 0 only if every
    step was observed.
    """
    from infra.stack.story import run_demo

    client = client_here()
    Servers.choose(client.directory, brokers=None, standby=None, secure=secure, is_running=client.runs())
    raise typer.Exit(0 if run(run_demo(client_here(), console, stay=stay)) else 1)


@commands.command(name="supervise")
def supervise_here(only: Only = None) -> None:
    """Runs the stack in the foreground until SIGTERM or Ctrl-C; `up` does this in the
    background.
    """
    from infra.stack.supervise import supervise

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    addresses = addresses_here()
    run(supervise(addresses, stack_directory(addresses.port_base), only=tuple(only or ())))


@commands.command()
def install() -> None:
    """Fetches the jars and creates the broker's class archive; part of `make setup`."""

    from waypost.native import kafka, zipkin

    async def both() -> None:
        await asyncio.gather(kafka.install(), zipkin.install())

    run(both())


def client_here() -> Client:
    return Client(addresses_here(), console)


def addresses_here() -> Addresses:
    """The addresses of the stack, with the servers that were chosen for it."""
    addresses = Addresses.from_environment()
    return replace(addresses, servers=Servers.stored_in(stack_directory(addresses.port_base)))


def refuse_stopped(client: Client) -> None:
    if not client.runs():
        console.print(f"No stack runs at port base {client.addresses.port_base}; `make up` starts it.")
        raise typer.Exit(1)


async def start_or_complete(client: Client, only: Sequence[str]) -> None:
    """Starts a stack; on a running one, starts the components that do not run yet."""
    if not client.runs():
        await client.start(only)
        return
    started = await client.start_missing(only)
    change = f"started {', '.join(started)}" if started else "no component to start"
    console.print(f"The stack is already running at port base {client.addresses.port_base}: {change}.")


def show_status(client: Client) -> bool:
    snapshot = client.board()
    if snapshot is None:
        return False
    console.print(table_of(snapshot.lines))
    for line in snapshot.lines:
        if line.error:
            console.print(f"\n{line.name}: {problem_of(line)}\n  log: {line.log}", markup=False)
    if any(line.name == "start-page" for line in snapshot.lines):
        console.print(f"\nEvery page of this stack: {client.addresses.url('start-page')}/")
    return snapshot.all_up


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def main() -> None:
    try:
        commands()
    except StartFailed as error:
        sys.exit(f"The stack did not start: {error}")
    except (WaypostError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
