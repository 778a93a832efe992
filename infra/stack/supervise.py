"""The supervisor's process: holds the stack's lock for its whole life, and runs the plan until a
signal stops it.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from infra.services import SERVICES
from infra.stack.addresses import Addresses
from infra.stack.changes import Changes
from infra.stack.environment import write_command_environments
from infra.stack.keys import load_or_make_keys
from infra.stack.logs import rotate
from infra.stack.places import board_file, lock_file, requests_folder
from infra.stack.plan import Plan
from infra.stack.port_checks import refuse_ephemeral_ports, refuse_taken_ports
from infra.stack.requests import Handler, answer_requests
from infra.stack.selection import limited
from infra.stack.status_board import StatusBoard
from infra.stack.supervisor import Supervisor
from waypost.native.errors import SetUpFailed
from waypost.native.locks import lock_within

LOCK_PATIENCE_SECONDS = 1.0


class AlreadyRuns(SetUpFailed):
    """Another supervisor holds the lock of this port base."""


async def supervise(addresses: Addresses, directory: Path, *, only: tuple[str, ...] = ()) -> None:
    """Returns when everything is down again. `only` limits it to components of these names and
    their dependencies.
    """
    refuse_ephemeral_ports(addresses)
    directory.mkdir(parents=True, exist_ok=True)
    with lock_file(directory).open("a") as lock:
        if not await lock_within(lock, LOCK_PATIENCE_SECONDS):
            raise AlreadyRuns(
                "Starting the stack", f"it runs at port base {addresses.port_base}", "`make down` stops it"
            )
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        board_file(directory).unlink(missing_ok=True)  # from a supervisor that was killed
        try:
            await run_plan(addresses, directory, only)
        finally:
            lock.truncate(0)
            board_file(directory).unlink(missing_ok=True)


async def run_plan(addresses: Addresses, directory: Path, only: tuple[str, ...]) -> None:
    plan = Plan(addresses, load_or_make_keys(directory / "keys"), directory)
    components = limited(plan.components(), only)
    await refuse_taken_ports(components)
    for component in components:
        rotate(component.log)
    write_command_environments(plan.environments, SERVICES, addresses.environment_directory)
    board = StatusBoard(
        board_file(directory), addresses.port_base, [this_component.line() for this_component in components]
    )
    supervisor = Supervisor(components, board)
    async with answering(requests_folder(directory), Changes(addresses, directory, supervisor)) as asked_to_stop:
        await supervisor.run(asked_to_stop)


@asynccontextmanager
async def answering(folder: Path, handle: Handler) -> AsyncIterator[asyncio.Event]:
    """Answers requests until SIGTERM or SIGINT sets the event."""
    asked_to_stop = stop_signal()
    requests = asyncio.create_task(answer_requests(folder, handle), name="requests")
    ending = asyncio.create_task(cancel_when(asked_to_stop, requests), name="end of requests")
    try:
        yield asked_to_stop
    finally:
        ending.cancel()
        requests.cancel()
        with suppress(asyncio.CancelledError):
            await requests


async def cancel_when(event: asyncio.Event, task: "asyncio.Task[None]") -> None:
    """Cancels the task, so that a stopping stack starts nothing more."""
    await event.wait()
    task.cancel()


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets."""
    asked = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, asked.set)
    return asked
