"""A stack of its own for a benchmark, at free ports, and its processes."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from infra.stack.places import CHECKOUT, inherited, stack_directory
from tests.fixtures.ports import free_port_base
from waypost.devstack.files import board_file
from waypost.devstack.status_board import Snapshot, read_board
from waypost.native.folders import reachable_directory


@dataclass(frozen=True)
class Stack:
    port_base: int

    @property
    def environment(self) -> dict[str, str]:
        folder = self.directory / "environment"
        return {
            **inherited(),
            "WAYPOST_PORT_BASE": str(self.port_base),
            "WAYPOST_ENVIRONMENT_DIRECTORY": str(folder),
        }

    @property
    def directory(self) -> Path:
        return stack_directory(self.port_base)

    def run(self, *command: str) -> None:
        """Runs a command on this stack, with its output hidden."""
        subprocess.run(command, cwd=CHECKOUT, env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def board(self) -> Snapshot:
        board = read_board(board_file(self.directory))
        assert board is not None, "the stack is not running"
        return board

    def processes(self) -> dict[psutil.Process, str]:
        """Each process with the name of its component. Processes without a component of their own,
        such as those of PostgreSQL, belong to their program.
        """
        board = self.board()
        names = {line.pid: line.name for line in board.lines if line.pid}
        supervisor = psutil.Process(board.supervisor)
        found = [supervisor, *supervisor.children(recursive=True)]
        return {process: names.get(process.pid) or _program(process) for process in found}


@contextmanager
def stack_for_a_benchmark() -> Iterator[Stack]:
    """A stack that has not started. It is stopped, and its data are deleted, at the end."""
    stack = Stack(free_port_base())
    try:
        yield stack
    finally:
        stack.run(sys.executable, "-m", "infra.stack", "down")
        for remains in (reachable_directory(stack.directory / "postgres"), stack.directory):
            shutil.rmtree(remains, ignore_errors=True)


def _program(process: psutil.Process) -> str:
    return "postgres" if process.name() == "postgres" else "supervisor"
