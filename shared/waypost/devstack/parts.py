"""What a stack is made of: servers that keep running, and one-shots that run once to their end."""

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
from waypost.native.probes import http_answers, until_ready
from waypost.project import project

TOOLKIT = Path(waypost.__file__).parents[1]
Environment = Mapping[str, str]

START_SECONDS = 180
"""Ten processes start at once. One that is stopped because others take its processor starts all
over, and so they never come up.
"""


class Server(Protocol):
    async def start(self) -> None:
        """Returns once it answers. Raises SetUpFailed or StartFailed. May be called again after its
        end.
        """
        ...

    async def stop(self, deadline_seconds: float = ...) -> None:
        """Asks, then kills at the deadline. Fine before the start and after the end."""
        ...

    async def answers(self) -> bool: ...

    @property
    def child(self) -> Child: ...


OneShot = Callable[[], Awaitable[None]]
"""Raises StartFailed or SetUpFailed; running it twice is fine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    name: str
    part: Server | OneShot
    log: Path
    depends_on: Sequence[str] = ()
    """Names of those that have to be ready before this one is started; it is stopped before they
    are.
    """
    ports: Sequence[int] = ()
    page: str = ""
    """What a person may open in a browser."""
    optional: bool = False
    """The stack is up without it: its start delays nothing, and its failure is one line."""

    def line(self) -> Line:
        """Its line on the board, before anything has happened."""
        return Line(name=self.name, ports=list(self.ports), page=self.page, log=str(self.log), optional=self.optional)


class PythonServer:
    """`python -m <module> …`, ready when its health page says so."""

    def __init__(self, *module: str, environment: Environment, log: Path, health: str) -> None:
        self.module = module
        self.environment = dict(environment)
        """Read at each start: what is changed here holds from the next one on."""
        self._log = log
        self._child = python_child(*module, environment=self.environment, log=log)
        self._health = health

    @property
    def child(self) -> Child:
        return self._child

    async def start(self) -> None:
        self._child = python_child(*self.module, environment=self.environment, log=self._log)
        await self._child.start()
        await until_ready(" ".join(self.module), self._child, self.answers, START_SECONDS)

    async def answers(self) -> bool:
        return await http_answers(self._health)

    async def stop(self, deadline_seconds: float = 15) -> None:
        await self._child.stop(deadline_seconds)


class PythonOneShot:
    """`python -m <module> …`, run to its end; another exit code than 0 is a StartFailed with the
    end of its log.
    """

    def __init__(self, *module: str, environment: Environment, log: Path) -> None:
        self.module = module
        self._environment = environment
        self._log = log

    async def __call__(self) -> None:
        child = python_child(*self.module, environment=self._environment, log=self._log)
        await child.start()
        try:
            code = await child.wait()
        except asyncio.CancelledError:
            await child.kill()
            raise
        if code != 0:
            raise StartFailed(f"{' '.join(self.module)} ended with code {code}:\n{last_lines(self._log)}")


def python_child(*module: str, environment: Environment, log: Path) -> Child:
    """In the project's folder; adds the variables to this process's environment."""
    root = project().root
    given = {**importing(root, TOOLKIT), **environment}
    return Child([sys.executable, "-m", *module], environment=given, log=log, directory=root)
