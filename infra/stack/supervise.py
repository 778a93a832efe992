"""The supervisor's process: holds the stack's lock for its whole life, and runs the plan until it is told to stop."""

import asyncio
import os
import signal
from pathlib import Path

from infra.services import SERVICES
from infra.stack.addresses import Addresses
from infra.stack.board import Board
from infra.stack.environment import write_command_environments
from infra.stack.holders import holder_of
from infra.stack.keys import load_or_make_keys
from infra.stack.logs import rotate
from infra.stack.parts import Component
from infra.stack.places import board_file, lock_file
from infra.stack.plan import Plan
from infra.stack.supervisor import Supervisor
from waypost.native.errors import SetUpFailed
from waypost.native.locks import lock_within
from waypost.native.ports import is_free

LOCK_PATIENCE_SECONDS = 1.0
PORT_PATIENCE_SECONDS = 2.0
POLL_SECONDS = 0.1


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
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        board_file(directory).unlink(missing_ok=True)  # of a supervisor that was killed
        plan = Plan(addresses, load_or_make_keys(directory / "keys"), directory)
        components = limited(plan.components(), only)
        await refuse_taken_ports(components)
        for component in components:
            rotate(component.log)
        write_command_environments(plan.environments, SERVICES, addresses.environment_directory)
        board = Board(board_file(directory), addresses.port_base, [each.line() for each in components])
        try:
            await Supervisor(components, board).run(stop_signal())
        finally:
            lock.truncate(0)
            board_file(directory).unlink(missing_ok=True)


def stop_signal() -> asyncio.Event:
    """Set by SIGTERM or SIGINT."""
    asked = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, asked.set)
    return asked


def limited(components: list[Component], only: tuple[str, ...]) -> list[Component]:
    """Raises SetUpFailed for a name that no component has."""
    if not only:
        return components
    by_name = {each.name: each for each in components}
    if unknown := [name for name in only if name not in by_name]:
        raise SetUpFailed(
            "Choosing components", f"there is no {', '.join(unknown)}", f"choose from {', '.join(by_name)}"
        )
    wanted: set[str] = set()
    waiting = list(only)
    while waiting:
        name = waiting.pop()
        wanted.add(name)
        waiting.extend(by_name[name].depends_on)
    return [each for each in components if each.name in wanted]


async def refuse_taken_ports(components: list[Component]) -> None:
    """Raises SetUpFailed for a port that does not come free within moments; what a killed supervisor left may still be ending."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PORT_PATIENCE_SECONDS
    for component in components:
        for port in component.ports:
            while not is_free(port):
                if loop.time() > deadline:
                    reason = f"port {port} (for {component.name}) is taken by {holder_of(port)}"
                    remedy = "end that process, or choose other ports: WAYPOST_PORT_BASE=9000"
                    raise SetUpFailed("Starting the stack", reason, remedy)
                await asyncio.sleep(POLL_SECONDS)
