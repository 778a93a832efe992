"""The system under test: the stack's own components and supervisor, in this process, so that each
can be controlled.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from infra.stack.addresses import Addresses
from infra.stack.environment import Environments
from infra.stack.keys import load_or_make_keys
from infra.stack.plan import Plan
from infra.stack.servers import Servers
from tests.faults.storm.schedule import PROCESSES
from waypost.devstack.files import board_file
from waypost.devstack.parts import Component, Server
from waypost.devstack.port_checks import refuse_taken_ports
from waypost.devstack.selection import limited
from waypost.devstack.status_board import Phase, StatusBoard
from waypost.devstack.supervisor import Supervisor
from waypost.kernel.backoff import Backoff
from waypost.native.forked import preload

UP_SECONDS = 400
PAUSES = Backoff(first_seconds=0.5, factor=2.0, max_seconds=2.0)
"""Pause before a killed process restarts, like that of a process manager; a stack's own supervisor
waits up to 30 s.
"""
POLL_SECONDS = 0.05


class System:
    def __init__(
        self, addresses: Addresses, environments: Environments, components: Iterable[Component], board: StatusBoard
    ):
        self.addresses = addresses
        self.environments = environments
        self._components = {component.name: component for component in components}
        self._board = board

    def server(self, name: str) -> Server:
        part = self._components[name].part
        if callable(part):
            raise TypeError(f"{name} runs once; there is nothing to kill")
        return part

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
async def running(folder: Path, port_base: int, servers: Servers) -> AsyncIterator[System]:
    """Runs the system; at the end everything is down again. Data, logs and keys are in `folder`."""
    preload("infra.stack.preloaded")  # as the stack's supervisor does
    addresses, keys = Addresses(port_base, servers), load_or_make_keys(folder / "keys")
    plan = Plan(addresses, keys, folder)
    components = limited(plan.components(), PROCESSES)
    await refuse_taken_ports(components)
    board = StatusBoard(board_file(folder), port_base, [component.line() for component in components])
    asked = asyncio.Event()
    supervisor = Supervisor(components, board, pauses=PAUSES)
    keeping = asyncio.create_task(supervisor.run(asked), name="supervisor")
    system = System(addresses, plan.environments, components, board)
    try:
        await system.until_up()
        yield system
    finally:
        asked.set()
        await keeping
