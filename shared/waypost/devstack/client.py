"""The client of the supervisor: starts and stops the supervisor, and watches the status board."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live

from waypost.devstack.files import board_file, lock_file, requests_folder
from waypost.devstack.logs import rotate
from waypost.devstack.requests import Action, Request, ask
from waypost.devstack.status_board import Phase, Snapshot, read_board
from waypost.devstack.table import Lines, table_of
from waypost.native.errors import StartFailed, last_lines
from waypost.native.locks import try_lock

POLL_SECONDS = 0.2
UP_SECONDS = 300
DOWN_SECONDS = 60
GIVE_UP_AFTER_FAILURES = 3
"""At this number of consecutive failed starts or early exits of one component, the client stops
waiting.
"""


class StackClient:
    """Client of the stack in one folder."""

    def __init__(
        self,
        directory: Path,
        console: Console,
        *,
        supervise: Sequence[str],
        environment: Mapping[str, str],
        working_directory: Path,
    ) -> None:
        """`supervise` is the command that runs the supervisor in the foreground."""
        self.directory = directory
        self._console = console
        self._supervise = supervise
        self._environment = environment
        self._working_directory = working_directory

    def runs(self) -> bool:
        """True if a supervisor holds the lock; the kernel releases it when the process ends."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with lock_file(self.directory).open("a") as lock:
            return not try_lock(lock)

    def board(self) -> Snapshot | None:
        """The state of each component; None if no supervisor runs."""
        return read_board(board_file(self.directory)) if self.runs() else None

    async def start(self, only: Sequence[str] = ()) -> None:
        """Starts a supervisor in the background and returns once everything is up. Stops it and
        raises StartFailed if a component keeps failing, or at the deadline.
        """
        supervisor = self._spawn(only)
        try:
            await self.watch_until_up(supervisor)
        except BaseException:
            supervisor.terminate()  # Waits only for this process: if another supervisor got the lock first, that one continues.
            await asyncio.to_thread(supervisor.wait, DOWN_SECONDS)
            raise

    async def start_missing(self, only: Sequence[str] = ()) -> Sequence[str]:
        """Starts declared components that do not run, all or those of `only`, on a running stack.
        Returns their names once they are up. Raises StartFailed.
        """
        return await self._request(Action.START, only)

    async def restart(self, names: Sequence[str]) -> Sequence[str]:
        """Restarts components, or services with all their components. Returns the components' names
        once they are up again. Raises StartFailed.
        """
        return await self._request(Action.RESTART, names)

    async def _request(self, action: Action, names: Sequence[str]) -> Sequence[str]:
        request = Request(action=action, names=names)
        started = await ask(requests_folder(self.directory), request, runs=self.runs)
        await self.watch_until_up(names=started)
        return started

    async def watch_until_up(
        self, supervisor: "subprocess.Popen[bytes] | None" = None, *, names: Sequence[str] = ()
    ) -> None:
        """Shows the board until these components are up, or all that the stack needs. Raises
        StartFailed for a component that keeps failing, or at the deadline.
        """
        deadline = time.monotonic() + UP_SECONDS
        with self._display() as show:
            while True:
                snapshot = self.board()
                if snapshot:
                    show(snapshot)
                    if snapshot.are_up(names):
                        return
                    refuse_failures(snapshot, names)
                elif not self.runs() and (supervisor is None or supervisor.poll() is not None):
                    raise StartFailed(last_lines(self.supervisor_log) if supervisor else "the stack is not running")
                if time.monotonic() > deadline:
                    raise StartFailed(f"not everything is up after {UP_SECONDS} s; the status shows what is missing")
                await asyncio.sleep(POLL_SECONDS)

    async def stop(self) -> bool:
        """Stops the stack. Returns False if no supervisor ran. Kills a supervisor that still runs
        at the deadline; its children end with it.
        """
        if not self.runs():
            return False
        deadline = time.monotonic() + DOWN_SECONDS
        signalled: set[int] = set()
        while self.runs():
            snapshot = self.board()  # a supervisor that has just started has not written it yet
            if snapshot:
                self._signal_to_stop(snapshot.supervisor, signalled, late=time.monotonic() > deadline)
            await asyncio.sleep(POLL_SECONDS)
        return True

    def _signal_to_stop(self, supervisor: int, signalled: set[int], *, late: bool) -> None:
        with contextlib.suppress(ProcessLookupError):
            if late:
                os.kill(supervisor, signal.SIGKILL)
            elif supervisor not in signalled:
                os.kill(supervisor, signal.SIGTERM)
        signalled.add(supervisor)

    @property
    def supervisor_log(self) -> Path:
        return self.directory / "logs" / "supervisor.log"

    def _spawn(self, only: Sequence[str]) -> "subprocess.Popen[bytes]":
        """Starts the supervisor in a separate session, so that it continues when the terminal
        closes.
        """
        self.supervisor_log.parent.mkdir(parents=True, exist_ok=True)
        rotate(self.supervisor_log)
        limits = [argument for name in only for argument in ("--only", name)]
        with self.supervisor_log.open("ab") as log:
            return subprocess.Popen(
                [*self._supervise, *limits],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=self._working_directory,
                start_new_session=True,
            )

    @contextlib.contextmanager
    def _display(self) -> Iterator[Callable[[Snapshot], None]]:
        if not self._console.is_terminal:
            yield Lines(self._console).update
            return
        with Live(console=self._console, transient=True) as live:
            yield lambda snapshot: live.update(table_of(snapshot.lines))


def refuse_failures(snapshot: Snapshot, names: Sequence[str]) -> None:
    """Raises StartFailed for a component of `names` that failed too often; without names, for any
    component that is not optional.
    """
    for line in snapshot.lines:
        awaited = line.name in names if names else not line.optional
        if awaited and line.phase is Phase.FAILED and line.failures >= GIVE_UP_AFTER_FAILURES:
            raise StartFailed(f"{line.name} failed {line.failures} times. {line.error}\n  log: {line.log}")
