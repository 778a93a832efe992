"""A child process that ends with its parent (see `parent_death_signal`). It runs in a separate
session, so that Ctrl-C reaches only the parent.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from waypost.native import parent_death_signal

LAUNCHER = Path(parent_death_signal.__file__)


class StartedProcess(Protocol):
    """The part of asyncio's Process that Child uses."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    async def wait(self) -> int: ...


class Child:
    """Starts, signals and stops one process. Appends its output to `log`. `stop` is idempotent."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        account: str | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
        directory: Path | None = None,
    ) -> None:
        self.log = log
        self._command = command
        self._environment = environment
        self._account = account or parent_death_signal.SAME_ACCOUNT
        self._death_signal = death_signal
        self._directory = directory
        self._process: StartedProcess | None = None

    @property
    def pid(self) -> int:
        """Raises ProcessLookupError before the first start."""
        if self._process is None:
            raise ProcessLookupError(f"{self._command[0]} has not been started")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def exit_code(self) -> int | None:
        """The exit code: None while the process runs or before the first start, negative when a
        signal ended the process.
        """
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._process = await self._launch()

    async def _launch(self) -> StartedProcess:
        launcher = (
            sys.executable,
            "-I",
            "-S",
            str(LAUNCHER),
            str(os.getpid()),
            str(int(self._death_signal)),
            self._account,
        )
        with self.log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *launcher,
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                cwd=self._directory,
                start_new_session=True,
            )

    async def wait(self) -> int:
        """Waits for the end of the process and returns its exit code. Raises ProcessLookupError
        before the first start.
        """
        if self._process is None:
            raise ProcessLookupError(f"{self._command[0]} has not been started")
        return await self._process.wait()

    async def stop(self, deadline_seconds: float = 10, *, first: signal.Signals = signal.SIGTERM) -> None:
        """Sends `first`, and SIGKILL at the deadline. Resumes a paused process, so that it can
        handle the signal.
        """
        if not self.running:
            return
        self.send(first)
        self.send(signal.SIGCONT)
        try:
            async with asyncio.timeout(deadline_seconds):
                await self.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        if self.running:
            self.send(signal.SIGKILL)
            await self.wait()

    def send(self, signal_number: signal.Signals) -> None:
        """Sends a signal to the process group: the process, and its children that have not changed
        to another group.
        """
        if self.running:
            with suppress(ProcessLookupError):  # it has ended, and asyncio has not noticed yet
                os.killpg(self.pid, signal_number)

    def pause(self) -> None:
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)


def importing(*folders: Path) -> dict[str, str]:
    """This process's environment for a Python child that imports from `folders`, independent of its
    working directory.
    """
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTHONUNBUFFERED": "1"}
