"""The supervisor's process: holds the stack's lock for its whole life, and runs the plan until it is told to stop."""

import asyncio
import signal
from pathlib import Path

from infra.postgres.connections import SERVICES
from infra.stack.addresses import Addresses
from infra.stack.board import Board
from infra.stack.environment import write_command_environments
from infra.stack.errors import SetUpFailed
from infra.stack.keys import load_or_make_keys
from infra.stack.locks import lock_within
from infra.stack.logs import rotate
from infra.stack.parts import Component
from infra.stack.plan import Plan
from infra.stack.ports import holder_of, is_free
from infra.stack.supervisor import Supervisor

LOCK_PATIENCE_SECONDS = 1.0


class AlreadyRuns(SetUpFailed):
    """Another supervisor holds the lock of this port base."""


async def supervise(addresses: Addresses, directory: Path, *, only: tuple[str, ...] = ()) -> None:
    """Returns when everything is down again. `only` limits it to components of these names and what they depend on."""
    directory.mkdir(parents=True, exist_ok=True)
    with lock_file(directory).open("a") as lock:
        if not await lock_within(lock, LOCK_PATIENCE_SECONDS):
            raise AlreadyRuns(
                "Starting the stack", f"it runs at port base {addresses.port_base}", "`make down` stops it"
            )
        board_file(directory).unlink(missing_ok=True)  # of a supervisor that was killed
        plan = Plan(addresses, load_or_make_keys(directory / "keys"), directory)
        components = limited(plan.components(), only)
        refuse_taken_ports(components)
        for component in components:
            rotate(component.log)
        write_command_environments(plan.environments, SERVICES, directory / "environment")
        board = Board(board_file(directory), addresses.port_base, components)
        try:
            await Supervisor(components, board).run(stop_signal())
        finally:
            board_file(directory).unlink()


def stop_signal() -> asyncio.Event:
    """Set by SIGTERM or SIGINT."""
    asked = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, asked.set)
    return asked


def limited(components: list[Component], only: tuple[str, ...]) -> list[Component]:
    if not only:
        return components
    by_name = {each.name: each for each in components}
    wanted: set[str] = set()
    waiting = list(only)
    while waiting:
        name = waiting.pop()
        wanted.add(name)
        waiting.extend(by_name[name].depends_on)
    return [each for each in components if each.name in wanted]


def refuse_taken_ports(components: list[Component]) -> None:
    for component in components:
        for port in component.ports:
            if not is_free(port):
                reason = f"port {port} (for {component.name}) is taken by {holder_of(port)}"
                raise SetUpFailed(
                    "Starting the stack", reason, "end that process, or choose other ports: WAYPOST_PORT_BASE=9000"
                )


def lock_file(directory: Path) -> Path:
    return directory / "stack.lock"


def board_file(directory: Path) -> Path:
    return directory / "board.json"
