"""`python -m infra.containers`: the commands of `make … TARGET=compose`, the same as those of the
native stack.
"""

import asyncio
import sys
from typing import Annotated

import typer
from rich.console import Console

from infra.containers.compose import Compose, PublishedAddresses, call
from waypost.kernel.errors import WaypostError
from waypost.native.errors import StartFailed

commands = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console()

Only = Annotated[list[str] | None, typer.Option(help="This service and what it depends on; may be given again.")]


@commands.command()
def up(only: Only = None) -> None:
    """Builds the image, starts everything and waits until it is healthy."""
    stack = stack_here()
    asyncio.run(stack.start(only or ()))
    compose(stack, "ps")


@commands.command()
def down() -> None:
    """Stops and removes the containers; volumes stay."""
    console.print("Stopped." if asyncio.run(stack_here().stop()) else "No stack was running.")


@commands.command()
def status() -> None:
    """Shows every container; exits with 1 unless all are up."""
    stack = stack_here()
    compose(stack, "ps", "--all")
    raise typer.Exit(0 if stack.all_up() else 1)


@commands.command()
def logs(name: Annotated[str | None, typer.Argument(help="A service; all of them unless given.")] = None) -> None:
    """Shows the end of the logs, and follows them on a terminal."""
    follow = ["--follow"] if sys.stdout.isatty() else []
    compose(stack_here(), "logs", "--tail", "20", *follow, *([name] if name else []))


@commands.command()
def demo(
    stay: Annotated[
        bool, typer.Option(help="Stay up afterwards, until Ctrl-C; the default on a terminal.")
    ] = sys.stdout.isatty(),
) -> None:
    """Runs the story from sign-up to the paid invoice on the containers; exits with 0 only if
    every step was observed.
    """
    from infra.stack.story import run_demo  # Kafka's client takes a second, which the others need not wait for

    raise typer.Exit(0 if asyncio.run(run_demo(stack_here(), console, stay=stay)) else 1)


def stack_here() -> Compose:
    return Compose(PublishedAddresses.from_environment())


def compose(stack: Compose, *arguments: str) -> None:
    asyncio.run(call(stack.addresses.compose(*arguments)))


def main() -> None:
    try:
        commands()
    except StartFailed as error:
        sys.exit(f"The containers did not start: {error}")
    except (WaypostError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
