"""Runs coroutines in forks of this process, so that they use several processor cores.

A fork inherits the memory of this process, so its job may be a closure. It must open separate
connections.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Generic, NoReturn, TypeVar

from waypost.engine.process import tune_garbage_collector
from waypost.engine.side_by_side import side_by_side
from waypost.kernel.errors import Transient, WaypostError
from waypost.telemetry import tracing

R = TypeVar("R")
Report = Callable[[int], None]
"""Called with the number of records of each finished step."""
Job = Callable[[Report], Coroutine[Any, Any, R]]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


class ForkEnded(Transient):
    """A process of a rebuild ended before its result; nothing was changed."""


@dataclass(frozen=True, slots=True)
class _Result(Generic[R]):
    value: R


async def in_forks(jobs: Iterable[Job[R]], report: Report) -> Sequence[R]:
    """Runs each job in a fork and returns the results, which are pickled. `report` receives what
    the jobs report.

    The first error ends the other forks, and the end of this process ends all of them. Raises the
    WaypostErrors of the jobs, and ForkEnded for any other end.
    """
    with ExitStack() as ending:
        forks: list[_Fork[R]] = []
        for job in jobs:
            forks.append(_Fork(job))
            ending.callback(forks[-1].end)
        return await side_by_side(fork.result(report) for fork in forks)


class _Fork(Generic[R]):
    """One process, and the pipe from it."""

    def __init__(self, job: Job[R]) -> None:
        loop_factory = type(asyncio.get_running_loop())
        self._pipe, end_of_fork = multiprocessing.Pipe()
        sys.stdout.flush()  # else the fork writes the buffered text again
        self._pid = os.fork()
        if self._pid == 0:
            self._pipe.close()  # this copy would hide the end of the parent from the fork
            _run(job, end_of_fork, loop_factory)
        end_of_fork.close()

    async def result(self, report: Report) -> R:
        while True:
            match await self._received():
                case _Result(value=value):
                    result: R = value
                    return result
                case WaypostError() as error:
                    raise error
                case records:
                    report(records)

    def end(self) -> None:
        """Ends the process; its job may run."""
        self._pipe.close()
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    async def _received(self) -> Any:
        readable = asyncio.Event()
        with _on_input(self._pipe, readable.set):
            await readable.wait()
        try:
            return self._pipe.recv()
        except (EOFError, OSError) as end:
            raise ForkEnded(
                "a process of the rebuild was killed, or failed with the error on standard error;"
                " nothing was changed. Remove the cause and run the rebuild again"
            ) from end


def _run(job: Job[R], parent: Connection, loop_factory: LoopFactory) -> NoReturn:
    """The main function of a fork."""
    try:
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # a progress bar may have replaced them
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent ends its forks
        tune_garbage_collector()
        parent.send(_finished(job, parent, loop_factory))
    except BaseException:  # noqa: BLE001 - the frames of the parent must not run in the fork
        traceback.print_exc()
    finally:
        os._exit(0)


def _finished(job: Job[R], parent: Connection, loop_factory: LoopFactory) -> _Result[R] | WaypostError:
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return _Result(runner.run(_watched(job, parent)))
    except WaypostError as error:
        return error
    finally:
        tracing.flush()


async def _watched(job: Job[R], parent: Connection) -> R:
    # The parent sends nothing: its end of the pipe becomes readable when the parent ends.
    with _on_input(parent, partial(os._exit, 1)):
        return await job(parent.send)


@contextmanager
def _on_input(pipe: Connection, call: Callable[[], None]) -> Iterator[None]:
    """Calls `call` when the pipe becomes readable."""
    loop = asyncio.get_running_loop()
    loop.add_reader(pipe.fileno(), call)
    os.set_blocking(pipe.fileno(), True)  # uvloop changes it, but a Connection reads and writes whole messages
    try:
        yield
    finally:
        loop.remove_reader(pipe.fileno())
