"""Follows a guide in a copy of the project."""

import asyncio
import os
from pathlib import Path

from infra.stack.places import CHECKOUT, STATE
from tests.fixtures.copies import copy_project, importable
from tests.fixtures.ports import free_port_base
from tests.guides.steps import Edit, Make, NotFollowable, Run, Step
from waypost.native.child import Child

STEP_SECONDS = 300
"""For one command. The tests of a new service take a minute; on a busy machine several minutes."""


class GuideRun:
    """Runs one guide from its first step to its last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = folder / STATE.relative_to(CHECKOUT)
        self._port_base = free_port_base()
        self._done: list[Step] = []
        copy_project(folder)

    async def follow(self, steps: list[Step]) -> None:
        """Executes the steps that have not been executed. Raises NotFollowable at the first
        failure.
        """
        for step in steps[len(self._done) :]:
            await self._take(step)
            self._done.append(step)

    async def close(self) -> None:
        """Stops the stack, if the guide has started it."""
        await self._run("make down")

    async def _take(self, step: Step) -> None:
        match step:
            case Make(path, text):
                file = self.folder / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            case Edit(path):
                file = self.folder / path
                if not file.exists():
                    raise NotFollowable(f"there is no {path} to edit")
                file.write_text(step.apply_to(file.read_text()))
            case Run(command):
                await self._run(command)

    async def _run(self, command: str) -> None:
        printed = self._state / "printed.log"
        printed.unlink(missing_ok=True)
        shell = Child(["sh", "-ec", command], log=printed, environment=self._environment(), directory=self.folder)
        await shell.start()
        try:
            async with asyncio.timeout(STEP_SECONDS):
                code = await shell.wait()
        except TimeoutError as error:
            raise NotFollowable(f"`{command}` did not end\n{printed.read_text()}") from error
        finally:
            await shell.kill()
        if code != 0:
            raise NotFollowable(f"`{command}` ended with {code}\n{printed.read_text()}")

    def _environment(self) -> dict[str, str]:
        """This process's environment without the variables of make and pytest."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTEST_"))}
        return {
            **own,
            "PYTHONPATH": importable(self.folder),
            "WAYPOST_PORT_BASE": str(self._port_base),
            # `make test` runs its tests in one process: the workers of this test already use all
            # cores.
            "WORKERS": "0",
        }
