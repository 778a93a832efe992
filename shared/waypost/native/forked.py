"""Python programs in processes that are forked from a server with all imports done.

A start by `python -m` spends one to three seconds of CPU on imports; a fork spends none, and shares
the memory of the imported modules. Only the start differs: a forked program has its own process
group, environment, log and signals, and a kill is a real kill.

A program whose files have changed since the server imported them starts by `python -m`.
"""

import asyncio
import atexit
import gc
import multiprocessing
import os
import runpy
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from waypost.native.child import Child, StartedProcess
from waypost.native.parent_death_signal import die_with_parent

LOADING_SINCE = time.time()
"""In the server: the beginning of its imports."""

_SERVERS = multiprocessing.get_context("forkserver")
_preloaded: list[str] = []


def preload(module: str) -> None:
    """Makes `module` the imports of this process's fork server, which starts with the first
    program.
    """
    _preloaded[:] = [module]
    _SERVERS.set_forkserver_preload([__name__, module, "waypost.native.loaded_files"])


def can_fork() -> bool:
    """Whether `preload` was called. False except on Linux: libraries of macOS do not survive a
    fork.
    """
    return bool(_preloaded) and sys.platform == "linux"


class ForkedProgram(Child):
    """`python -m module arguments…`, forked. `errors` separates standard error from `log`."""

    def __init__(
        self,
        module: str,
        *arguments: str,
        log: Path,
        environment: Mapping[str, str],
        directory: Path,
        errors: Path | None = None,
    ) -> None:
        super().__init__([module, *arguments], log=log, environment=dict(environment), directory=directory)
        self._errors = errors or log

    async def _launch(self) -> StartedProcess:
        return _Forked(await asyncio.to_thread(self._fork))  # the first fork waits for the server's imports

    def _fork(self) -> ForkServerProcess:
        started, starting = _SERVERS.Pipe(duplex=False)
        program = (starting, _preloaded, self._command, self._environment, self._directory, self.log, self._errors)
        process = _SERVERS.Process(target=_run, args=program, daemon=True)  # not joined at exit
        process.start()
        starting.close()
        with started, suppress(EOFError):  # it has ended
            started.recv()
        return process


class _Forked(StartedProcess):
    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(process.sentinel, self._notice)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None  # noqa: S101 - it has started
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    async def wait(self) -> int:
        await self._ended.wait()
        code = self._process.exitcode
        assert code is not None  # noqa: S101 - its sentinel is ready
        return code

    def _notice(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._ended.set()


def _run(
    starting: Connection,
    preloaded: list[str],
    command: list[str],
    environment: Mapping[str, str],
    directory: Path,
    log: Path,
    errors: Path,
) -> None:
    from waypost.native.loaded_files import have_changed  # the server imports it last

    gc.freeze()  # a collection would copy every page that the processes share
    if not sys.modules.keys() >= set(preloaded):
        raise RuntimeError(f"the fork server could not import {', '.join(preloaded)}")
    os.close(forkserver._forkserver._forkserver_alive_fd)  # type: ignore[attr-defined]  # else the server outlives its parent
    os.setsid()  # Child sends signals to the process group
    die_with_parent(os.getppid())
    _redirect(log, errors)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    changed = have_changed()
    starting.send(None)
    starting.close()
    module, *arguments = command
    if changed:
        os.execve(sys.executable, [sys.executable, "-m", *command], environment)  # noqa: S606 - the same program, without a shell
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        with suppress(SystemExit):
            atexit._run_exitfuncs()  # multiprocessing ends a process without them


def _redirect(log: Path, errors: Path) -> None:
    for path, descriptor in ((os.devnull, 0), (log, 1), (errors, 2)):
        opened = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(opened, descriptor)
        os.close(opened)
