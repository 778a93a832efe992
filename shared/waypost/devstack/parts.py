"""Components of a stack: servers that keep running, and one-shots that run once and end."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import waypost
from waypost.devstack.status_board import Line
from waypost.native.child import Child, importing
from waypost.native.errors import StartFailed, last_lines
from waypost.native.forked import ForkedProgram, can_fork
from waypost.native.probes import is_url_reachable, until_ready
from waypost.project import project

TOOLKIT = Path(waypost.__file__).parents[1]
Environment = Mapping[str, str]

START_SECONDS = 180
"""Ten processes start at the same time and share the processors. A shorter deadline would stop slow
processes, whose restarts would slow down the others.
"""


class Server(Protocol):
    async def start(self) -> None:
        """Returns once the server answers. Raises SetUpFailed or StartFailed. May be called again
        after the server ended.
        """
        ...

    async def stop(self, deadline_seconds: float = ...) -> None:
        """Requests the end, and kills the server at the deadline. Does nothing before the start and
        after the end.
        """
        ...

    async def is_reachable(self) -> bool:
        """True if the server is ready for requests."""
        ...

    @property
    def child(self) -> Child: ...


OneShot = Callable[[], Awaitable[None]]
"""Raises StartFailed or SetUpFailed. Idempotent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    name: str
    part: Server | OneShot
    log: Path
    depends_on: Sequence[str] = ()
    """Names of the components that must be up before this one starts; it stops before them."""
    ports: Sequence[int] = ()
    page: str = ""
    """URL of the component's page for a browser."""
    optional: bool = False
    """The stack counts as up without this component. The status shows its failure in one line."""

    def line(self) -> Line:
        """The component's initial line on the status board."""
        return Line(name=self.name, ports=list(self.ports), page=self.page, log=str(self.log), optional=self.optional)


class PythonServer:
    """`python -m <module> …`, ready when its health page answers with 200."""

    def __init__(self, *module: str, environment: Environment, log: Path, health: str) -> None:
        self.module = module
        self.environment = dict(environment)
        """Read at each start: a change takes effect at the next start."""
        self._log = log
        self._child = self._new_child()
        self._health = health

    @property
    def child(self) -> Child:
        return self._child

    def _new_child(self) -> Child:
        return python_child(*self.module, environment=self.environment, log=self._log)

    async def start(self) -> None:
        self._child = self._new_child()
        await self._child.start()
        await until_ready(" ".join(self.module), self._child, self.is_reachable, START_SECONDS)

    async def is_reachable(self) -> bool:
        return await is_url_reachable(self._health)

    async def stop(self, deadline_seconds: float = 15) -> None:
        await self._child.stop(deadline_seconds)


class PythonOneShot:
    """`python -m <module> …`, run once. Raises StartFailed with the end of its log if the exit code
    is not 0.
    """

    def __init__(self, *module: str, environment: Environment, log: Path) -> None:
        self.module = module
        self.environment = dict(environment)
        self._log = log

    def _new_child(self) -> Child:
        return python_child(*self.module, environment=self.environment, log=self._log)

    async def __call__(self) -> None:
        child = self._new_child()
        await child.start()
        try:
            code = await child.wait()
        except asyncio.CancelledError:
            await child.kill()
            raise
        if code != 0:
            raise StartFailed(f"{' '.join(self.module)} ended with code {code}:\n{last_lines(self._log)}")


def python_child(*module: str, environment: Environment, log: Path) -> Child:
    """A Python process in the project's folder. Its environment is this process's, with the given
    variables added. The process is forked where the supervisor has called `preload`.
    """
    root = project().root
    variables = {**importing(root, TOOLKIT), **environment}
    if can_fork():
        return ForkedProgram(*module, environment=variables, log=log, directory=root)
    return Child([sys.executable, "-m", *module], environment=variables, log=log, directory=root)
