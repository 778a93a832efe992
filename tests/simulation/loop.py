"""An event loop of many simulated processes, with virtual time and a seeded choice of the next
process.

Inside one process callbacks run in the order of asyncio, on which the engine may rely. Between
processes any order is possible. Each callback takes a fixed short time; when no process has one to
run, time moves to the next timer.
"""

import asyncio
import random
import sys
from asyncio import Future, Handle, Task, TimerHandle
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVarTuple

Arguments = TypeVarTuple("Arguments")

CALLBACK_SECONDS = 2e-5
"""The time of one callback: a loop that never waits must not stop the time of the others."""
MAX_CALLBACKS = 100_000
"""A hundred times as many as most schedules need."""
CLEAN_UPS = 10
"""Limit of nested clean-ups in one task."""


class SimulatedProcess:
    """The callbacks of one process, or of the servers."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.number = number
        self.alive = True
        self.frozen = False
        self.ready: deque[Handle] = deque()
        self.context = copy_context()
        self.context.run(PROCESS.set, self)

    def __repr__(self) -> str:
        return f"{self.name}.{self.number}"


PROCESS: ContextVar[SimulatedProcess] = ContextVar("simulated_process")


class SimulatedTask(Task[Any]):
    """A task whose hash is its number, so that sets of tasks have the same order in every run."""

    number: int
    own_context: Context

    def __hash__(self) -> int:
        return self.number


class SimulatedLoop(asyncio.BaseEventLoop):
    def __init__(self, choices: random.Random) -> None:
        super().__init__()
        self.servers = SimulatedProcess("servers", 0)
        self.tasks: list[SimulatedTask] = []
        """All tasks: one of a killed process must not be collected before the end."""
        self.callbacks = 0
        self._choices = choices
        self._now = 0.0
        self._timers: list[tuple[float, int, TimerHandle]] = []
        self._numbers = count(1)
        self._runnable: list[SimulatedProcess] = []
        self._stopped = False
        self.set_task_factory(self._new_task)  # type: ignore[arg-type] # typeshed wants a Future
        self.set_exception_handler(lambda _, problem: None)  # see `unretrieved_errors`

    def time(self) -> float:
        return self._now

    def call_soon(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> Handle:
        handle = Handle(callback, args, self, context)
        self._enqueue(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> TimerHandle:
        timer = TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def call_later(
        self, delay: float, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """A cancelled timer is dropped when its time comes."""

    def spawn(self, process: SimulatedProcess, work: Coroutine[Any, Any, Any]) -> "Task[Any]":
        """Runs the work as a task of the process."""
        return self.create_task(work, context=process.context)

    def at_servers(self, delay: float, action: Callable[[], object]) -> None:
        """Runs the action later, also if the process that causes it has ended."""
        self.call_later(delay, action, context=self.servers.context)

    def kill(self, process: SimulatedProcess) -> None:
        """Ends the process as SIGKILL does: no callback runs again, nor any `finally`."""
        process.alive = False
        process.ready.clear()
        if process in self._runnable:
            self._runnable.remove(process)

    def freeze(self, process: SimulatedProcess) -> None:
        """SIGSTOP: its callbacks wait, also callbacks that become due meanwhile."""
        process.frozen = True
        if process in self._runnable:
            self._runnable.remove(process)

    def thaw(self, process: SimulatedProcess) -> None:
        process.frozen = False
        if process.ready and process.alive:
            self._runnable.append(process)

    def finish(self) -> None:
        self._stopped = True

    def run(self, *, until_seconds: float) -> bool:
        """Runs until `finish`; False if the time or the callbacks are used up before."""
        asyncio._set_running_loop(self)
        try:
            while not self._stopped:
                if not self._runnable and not self._wait_for_timer():
                    return False
                self._fire_timers()
                if self._now > until_seconds or self.callbacks > MAX_CALLBACKS:
                    return False
                if self._runnable:
                    self._run_one()
            return True
        finally:
            asyncio._set_running_loop(None)

    def unretrieved_errors(self) -> list[BaseException]:
        """Errors that ended a task and that nothing has looked at."""
        ended = [task for task in self.tasks if task.done() and task._log_traceback]
        return [error for task in ended if (error := task.exception())]

    def abandon(self) -> None:
        """Ends every task that is left, at once, so that none of its code runs in a later
        schedule.
        """
        asyncio._set_running_loop(self)
        hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
        for task in self.tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                task.own_context.run(_close, task.get_coro())
        sys.unraisablehook = hook
        asyncio._set_running_loop(None)
        self.tasks.clear()
        self._timers.clear()
        self.close()

    def _run_one(self) -> None:
        index = int(self._choices.random() * len(self._runnable))
        process = self._runnable[index]
        handle = process.ready.popleft()
        if not process.ready:
            del self._runnable[index]
        if not handle.cancelled():
            self.callbacks += 1
            self._now += CALLBACK_SECONDS
            handle._run()

    def _wait_for_timer(self) -> bool:
        """Moves the time to the next timer; False if there is none."""
        if not self._timers:
            return False
        self._now = max(self._now, self._timers[0][0])
        return True

    def _fire_timers(self) -> None:
        while self._timers and self._timers[0][0] <= self._now:
            _, _, timer = heappop(self._timers)
            if not timer.cancelled():
                self._enqueue(timer)

    def _enqueue(self, handle: Handle) -> None:
        process = handle._context.get(PROCESS, self.servers)  # type: ignore[attr-defined]
        if not process.alive:
            return
        if not process.ready and not process.frozen:
            self._runnable.append(process)
        process.ready.append(handle)

    def _new_task(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], context: Context | None = None
    ) -> SimulatedTask:
        task = SimulatedTask.__new__(SimulatedTask)
        task.number = next(self._numbers)
        task.own_context = context or copy_context()
        task.__init__(work, loop=loop, context=task.own_context)  # type: ignore[misc]
        self.tasks.append(task)
        return task


def forever() -> "Future[None]":
    """A future that nothing completes."""
    return asyncio.get_running_loop().create_future()


def _close(work: Any) -> None:
    """Closes a coroutine; one that awaits something in its clean-up refuses, and is asked again."""
    for _ in range(CLEAN_UPS):
        with suppress(BaseException):
            work.close()
            return
