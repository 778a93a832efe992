"""Starts components when their dependencies are up, restarts them when they end, and stops them in
reverse order.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Sequence

from waypost.devstack.parts import Component, OneShot, Server
from waypost.devstack.status_board import Phase, StatusBoard
from waypost.kernel.backoff import Backoff
from waypost.native.errors import StartFailed, last_lines

PAUSES = Backoff(first_seconds=0.5, factor=2.0, max_seconds=30.0)
STEADY_SECONDS = 60
"""A component that ran this long restarts with a failure count of zero."""
HEALTH_PERIOD_SECONDS = 15.0
RECHECK_SECONDS = 5.0
"""Pause after a failed health check."""
SILENT_AFTER = 2
"""Number of consecutive failed health checks. A single failure may be a consumer group rebalance or
a busy machine.
"""
STOP_SECONDS = 15


class Supervisor:
    """Runs components and shows their state on the board."""

    def __init__(self, components: Sequence[Component], board: StatusBoard, *, pauses: Backoff = PAUSES) -> None:
        self._components = {component.name: component for component in components}
        self._board = board
        self._pauses = pauses
        self._keepers: dict[str, asyncio.Task[None]] = {}

    @property
    def names(self) -> Sequence[str]:
        return tuple(self._components)

    def server(self, name: str) -> Server:
        """Raises TypeError for a component that runs once."""
        part = self._components[name].part
        if callable(part):
            raise TypeError(f"{name} runs once and has no process")
        return part

    async def run(self, asked_to_stop: asyncio.Event) -> None:
        """Runs until the event is set. Every component has stopped when it returns."""
        self._start(self.names)
        await asked_to_stop.wait()
        await self._end(self.names)

    async def add(self, components: Sequence[Component]) -> None:
        """Starts further components. A component with a known name replaces the old one, which
        stops first.
        """
        await self._end([component.name for component in components if component.name in self._components])
        for component in components:
            self._components[component.name] = component
            self._board.add(component.line())
        self._start([component.name for component in components])

    async def restart(self, names: Collection[str]) -> None:
        """Stops these components and starts them again, in the order of their dependencies. Returns
        when the old processes have ended.
        """
        await self._end(names)
        for name in names:
            self._board.show(name, Phase.WAITING, failures=0, error="", pid=None)
        self._start(names)

    def _start(self, names: Iterable[str]) -> None:
        for name in names:
            self._keepers[name] = asyncio.create_task(self._keep(self._components[name]), name=name)

    async def _end(self, names: Collection[str]) -> None:
        keepers = [self._keepers.pop(name) for name in names if name in self._keepers]
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await self._stop_in_reverse([self._components[name] for name in names])

    async def _keep(self, component: Component) -> None:
        for name in component.depends_on:
            await self._board.wait_for(name)
        failures = 0
        while True:
            started = time.monotonic()
            try:
                if await self._run_once(component):
                    return
            except Exception as error:  # noqa: BLE001 - the board shows any error and the start is retried: this task must not end
                failures = 1 if time.monotonic() - started > STEADY_SECONDS else failures + 1
                self._board.show(component.name, Phase.FAILED, failures=failures, error=str(error), pid=None)
            await asyncio.sleep(self._pauses.seconds(failures))

    async def _run_once(self, component: Component) -> bool:
        """Returns True when a one-shot has finished. Raises StartFailed when a server ended."""
        self._board.show(component.name, Phase.STARTING)
        if callable(component.part):
            await self._run_one_shot(component.name, component.part)
            return True
        await self._run_server(component, component.part)
        return False

    async def _run_one_shot(self, name: str, part: OneShot) -> None:
        await part()
        self._board.show(name, Phase.DONE, error="")

    async def _run_server(self, component: Component, part: Server) -> None:
        try:
            await part.start()
        except BaseException:
            await part.stop(STOP_SECONDS)  # it may run without an answer
            raise
        self._board.show(component.name, Phase.READY, pid=part.child.pid, error="")
        watcher = asyncio.create_task(self._watch(component.name, part))
        try:
            code = await part.child.wait()
        finally:
            watcher.cancel()
        raise StartFailed(f"{component.name} ended with code {code}:\n{last_lines(part.child.log)}")

    async def _watch(self, name: str, part: Server) -> None:
        """Shows a server that runs but does not answer. Does not restart it, because one of its
        dependencies may be down.
        """
        missed = 0
        while True:
            await asyncio.sleep(RECHECK_SECONDS if missed else HEALTH_PERIOD_SECONDS)
            missed = 0 if await part.is_reachable() else missed + 1
            if missed in (0, SILENT_AFTER):
                self._board.show(name, Phase.SILENT if missed else Phase.READY)

    async def _stop_in_reverse(self, components: Sequence[Component]) -> None:
        """Stops each component after the components that depend on it."""
        down = {component.name: asyncio.Event() for component in components}

        async def stop(component: Component) -> None:
            for other in components:
                if component.name in other.depends_on:
                    await down[other.name].wait()
            await self._stop(component)
            down[component.name].set()

        await asyncio.gather(*(stop(component) for component in components))

    async def _stop(self, component: Component) -> None:
        if not callable(component.part):
            self._board.show(component.name, Phase.STOPPING)
            await component.part.stop(STOP_SECONDS)
        self._board.show(component.name, Phase.STOPPED, pid=None)
