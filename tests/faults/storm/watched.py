"""A server whose ends are recorded. A supervisor restarts a process that has crashed, so that its
readiness later shows nothing.
"""

import asyncio
from pathlib import Path

from tests.faults.storm.upgrade_evidence import Exit
from waypost.devstack.parts import START_SECONDS, Environment, PythonServer
from waypost.native.child import Child
from waypost.native.errors import StartFailed, last_lines
from waypost.native.probes import until_ready


class WatchedServer(PythonServer):
    def __init__(self, *module: str, environment: Environment, log: Path, health: str, release: str) -> None:
        super().__init__(*module, environment=environment, log=log, health=health)
        self.exits: list[Exit] = []
        """Ends of all its processes, each as soon as it has ended."""
        self._name = " ".join(module)
        self.release_name = release
        self._stopped: set[Child] = set()
        self._watches: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return self._health.removesuffix("/readyz")

    async def start(self) -> None:
        self._child = self._new_child()
        await self._child.start()
        watch = asyncio.create_task(self._watch(self._child, self.release_name), name=f"watch {self._name}")
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)
        await until_ready(self._name, self._child, self.is_reachable, START_SECONDS)

    async def stop(self, deadline_seconds: float = 15) -> None:
        if self._child.running:
            self._stopped.add(self._child)
        await super().stop(deadline_seconds)

    def require_running(self) -> None:
        """Raises StartFailed if a process has ended by itself."""
        for end in self.exits:
            if not end.stopped:
                raise StartFailed(f"{end.process} of {end.release} ended with code {end.code}:\n{end.last_lines}")

    async def _watch(self, child: Child, release: str) -> None:
        code = await child.wait()
        self.exits.append(
            Exit(
                process=self._log.stem,
                release=release,
                code=code,
                stopped=child in self._stopped,
                last_lines=last_lines(child.log),
            )
        )
