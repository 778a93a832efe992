"""The system under test: the stack's own components and supervisor, in this process, so that each
can be controlled.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from infra.services import SERVICES
from infra.stack.addresses import Addresses
from infra.stack.environment import Environments, write_command_environments
from infra.stack.keys import load_or_make_keys
from infra.stack.places import CHECKOUT
from infra.stack.plan import Plan
from infra.stack.servers import Servers
from tests.faults.storm import shifted
from tests.faults.storm.links import Links
from tests.faults.storm.older_release import Release
from tests.faults.storm.targets import PROCESSES
from waypost.cli.services import DIRECTORY_VARIABLE
from waypost.devstack.files import board_file
from waypost.devstack.parts import Component, PythonServer, Server
from waypost.devstack.port_checks import refuse_taken_ports
from waypost.devstack.requests import write_whole
from waypost.devstack.selection import limited
from waypost.devstack.status_board import Phase, StatusBoard
from waypost.devstack.supervisor import Supervisor
from waypost.kernel.backoff import Backoff
from waypost.native.forked import ForkedProgram, preload

UP_SECONDS = 400
PAUSES = Backoff(first_seconds=0.5, factor=2.0, max_seconds=2.0)
"""Pause before a killed process restarts, like that of a process manager; a stack's own supervisor
waits up to 30 s.
"""
POLL_SECONDS = 0.05


class System:
    def __init__(
        self,
        folder: Path,
        addresses: Addresses,
        environments: Environments,
        components: Iterable[Component],
        board: StatusBoard,
        links: Links,
    ):
        self.addresses = addresses
        self.environments = environments
        self.links = links
        self.refilled_topics: set[str] = set()
        """Topics that were lost and that an operator's command filled again."""
        self._folder = folder
        self._components = {component.name: component for component in components}
        self._board = board

    def server(self, name: str) -> Server:
        part = self._components[name].part
        if callable(part):
            raise TypeError(f"{name} runs once; there is nothing to kill")
        return part

    def move_clock(self, process: str, seconds: float) -> None:
        """Sets the offset of the process's clock."""
        write_whole(clock_file(self._folder, process), str(seconds))

    def log(self, name: str) -> Path:
        return self._folder / "logs" / f"{name}.log"

    async def waypost(self, *arguments: str, log: str) -> ForkedProgram:
        """Starts a command of the operators' program. Its output is in the file `log`."""
        own = {**os.environ, DIRECTORY_VARIABLE: str(environments_folder(self._folder))}
        command = ForkedProgram("waypost.cli", *arguments, log=self.log(log), environment=own, directory=CHECKOUT)
        await command.start()
        return command

    @property
    def down(self) -> list[str]:
        """Components that are not up, each with its last error."""
        lines = self._board.lines.values()
        return [
            f"{line.name} is {line.phase} {line.error}".rstrip()
            for line in lines
            if line.phase not in (Phase.READY, Phase.DONE)
        ]

    async def until_up(self, deadline_seconds: float = UP_SECONDS) -> None:
        """Raises TimeoutError with the names of the components that are not up."""
        try:
            async with asyncio.timeout(deadline_seconds):
                while self.down:  # noqa: ASYNC110 - waits for several boards
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"not up after {deadline_seconds:g} s: {'; '.join(self.down)}") from None


@asynccontextmanager
async def running(
    folder: Path, port_base: int, servers: Servers, release: Release | None = None
) -> AsyncIterator[System]:
    """Runs the system; at the end everything is down again. Data, logs and keys are in `folder`.
    The processes of an older `release` have the clock of the machine.
    """
    preload("infra.stack.preloaded")  # as the stack's supervisor does
    addresses, keys = Addresses(port_base, servers), load_or_make_keys(folder / "keys")
    async with Links(addresses) as links:
        plan = Plan(addresses, keys, folder, listeners=links.listeners)
        components = limited(plan.components(), PROCESSES)
        if release:
            components = release.install(components)
        else:
            give_movable_clocks(components, folder)
        links.lead_through_proxies(components)
        write_command_environments(plan.environments, SERVICES, environments_folder(folder))
        await refuse_taken_ports(components)
        board = StatusBoard(board_file(folder), port_base, [component.line() for component in components])
        asked = asyncio.Event()
        supervisor = Supervisor(components, board, pauses=PAUSES)
        keeping = asyncio.create_task(supervisor.run(asked), name="supervisor")
        system = System(folder, addresses, plan.environments, components, board, links)
        try:
            await system.until_up()
            yield system
        finally:
            asked.set()
            await keeping


def give_movable_clocks(components: Iterable[Component], folder: Path) -> None:
    for component in components:
        if component.name in PROCESSES and isinstance(component.part, PythonServer):
            component.part.module = (shifted.__name__, *component.part.module)
            component.part.environment[shifted.VARIABLE] = str(clock_file(folder, component.name))


def clock_file(folder: Path, process: str) -> Path:
    return folder / f"{process}.clock"


def environments_folder(folder: Path) -> Path:
    return folder / "environment"
