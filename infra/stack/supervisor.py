"""Starts components when what they depend on is up, starts them again when they end, stops them in reverse."""

import asyncio
import time
from collections.abc import Sequence

from infra.stack.board import Board, Phase
from infra.stack.parts import Component, OneShot, Server
from waypost.kernel.backoff import Backoff
from waypost.native.errors import StartFailed, last_lines

PAUSES = Backoff(first_seconds=0.5, factor=2.0, most_seconds=30.0)
STEADY_SECONDS = 60
"""One that ran this long counts its failures anew."""
HEALTH_PERIOD_SECONDS = 2.0
STOP_SECONDS = 15


class Supervisor:
    def __init__(self, components: Sequence[Component], board: Board, *, pauses: Backoff = PAUSES) -> None:
        self._components = components
        self._board = board
        self._pauses = pauses

    async def run(self, asked_to_stop: asyncio.Event) -> None:
        """Until asked to stop; then everything is down when this returns."""
        keepers = [asyncio.create_task(self._keep(each), name=each.name) for each in self._components]
        await asked_to_stop.wait()
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await self._stop_all()

    async def _keep(self, component: Component) -> None:
        for name in component.depends_on:
            await self._board.wait_for(name)
        failures = 0
        while True:
            started = time.monotonic()
            try:
                if await self._run_once(component):
                    return
            except Exception as error:  # noqa: BLE001 - whatever it is, it is shown and tried again: a keeper never dies
                failures = 1 if time.monotonic() - started > STEADY_SECONDS else failures + 1
                self._board.show(component.name, Phase.FAILED, failures=failures, error=str(error), pid=None)
            await asyncio.sleep(self._pauses.seconds(failures))

    async def _run_once(self, component: Component) -> bool:
        """True when there is nothing left to do for it. Raises when a server ended."""
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
            await part.stop(STOP_SECONDS)  # it runs, perhaps, and does not answer
            raise
        self._board.show(component.name, Phase.READY, pid=part.child.pid, error="")
        watcher = asyncio.create_task(self._watch(component.name, part))
        try:
            code = await part.child.wait()
        finally:
            watcher.cancel()
        raise StartFailed(f"{component.name} ended with code {code}:\n{last_lines(part.child.log)}")

    async def _watch(self, name: str, part: Server) -> None:
        """Shows a server that runs and does not answer. It is not restarted for that: what it waits for may be away."""
        while True:
            await asyncio.sleep(HEALTH_PERIOD_SECONDS)
            self._board.show(name, Phase.READY if await part.answers() else Phase.SILENT)

    async def _stop_all(self) -> None:
        """Each once all that depend on it are down, so that nobody loses what it still needs."""
        down = {each.name: asyncio.Event() for each in self._components}

        async def stop(component: Component) -> None:
            for other in self._components:
                if component.name in other.depends_on:
                    await down[other.name].wait()
            await self._stop(component)
            down[component.name].set()

        await asyncio.gather(*(stop(each) for each in self._components))

    async def _stop(self, component: Component) -> None:
        if not callable(component.part):
            self._board.show(component.name, Phase.STOPPING)
            await component.part.stop(STOP_SECONDS)
        self._board.show(component.name, Phase.STOPPED, pid=None)
