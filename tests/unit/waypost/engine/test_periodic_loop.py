"""The loop of every background task continues after any error of a tick, and ends when it is
stopped.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from structlog.testing import capture_logs

from waypost.engine.periodic_loop import FunctionLoop, PeriodicLoop
from waypost.kernel.backoff import Backoff
from waypost.kernel.errors import Transient
from waypost.postgres.poolers import PoolerRefused
from waypost.testing.eventually import eventually

AT_ONCE = Backoff(first_seconds=0.001, factor=1.0)
HOUR = 3600.0


class RustPanic(BaseException):
    """As `pyo3_runtime.PanicException`."""


class Ticking(PeriodicLoop):
    """A tick that raises the next of `errors`, if any."""

    name = "ticking"

    def __init__(self, *errors: BaseException, every_seconds: float = 0.001) -> None:
        super().__init__(every_seconds=every_seconds, backoff=AT_ONCE)
        self.errors = list(errors)
        self.ticks = 0

    async def tick(self) -> None:
        self.ticks += 1
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)


@pytest.mark.parametrize(
    "error",
    [
        Transient("away"),
        RuntimeError("surprise"),
        asyncpg.ProgramLimitExceededError("the queue is full"),
        asyncio.CancelledError("of a task that the tick waited for"),
        ExceptionGroup("of a task group", [KeyError("key")]),
        RustPanic("index out of bounds"),
        BaseExceptionGroup("of a task group", [RustPanic("index out of bounds")]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_loop_continues_after_any_error(error: BaseException) -> None:
    loop = Ticking(error, error)
    await loop.start()
    await eventually(lambda: loop.ticks >= 4 and loop.ready.is_set())
    await loop.stop()
    await loop.stop()


async def test_a_swallowed_cancellation_does_not_make_a_later_one_end_the_loop() -> None:
    class Swallowing(Ticking):
        async def tick(self) -> None:
            task = asyncio.current_task()
            assert task is not None
            if self.ticks == 0:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
            await super().tick()

    loop = Swallowing()
    await loop.start()
    await eventually(lambda: loop.ticks >= 1)
    loop.errors.append(asyncio.CancelledError("of a task that the tick waited for"))
    await eventually(lambda: not loop.errors)
    before = loop.ticks
    await eventually(lambda: loop.ticks > before)
    await loop.stop()


async def test_a_loop_that_ended_although_nothing_stopped_it_starts_again() -> None:
    class Restarting(Ticking):
        def _restart(self, ended: asyncio.Task[None]) -> None:
            ready_meanwhile.append(self.ready.is_set())
            super()._restart(ended)

    ready_meanwhile = list[bool]()
    loop = Restarting()
    with capture_logs() as logs:
        await loop.start()
        await eventually(loop.ready.is_set)
        loop.errors.append(GeneratorExit())
        await eventually(lambda: ready_meanwhile and loop.ready.is_set())
        await loop.stop()
    assert [line["event"] for line in logs] == ["loop_ended"]
    assert ready_meanwhile == [False]


async def test_a_loop_that_ended_and_is_started_by_hand_runs_once() -> None:
    loop = Ticking()
    await loop.start()
    ended = loop._task
    assert ended is not None
    await loop.stop()
    await loop.start()
    loop._restart(ended)  # its time came after the start by hand
    assert [task.get_name() for task in asyncio.all_tasks()].count("ticking") == 1
    await loop.stop()


async def test_each_kind_of_error_is_logged_once_until_a_tick_succeeds() -> None:
    loop = Ticking(*[RuntimeError("one")] * 3, *[Transient("two")] * 3, RuntimeError("one"), PoolerRefused("three"))
    with capture_logs() as logs:
        await loop.start()
        await eventually(loop.ready.is_set)
        loop.errors = [RuntimeError("one")]
        await eventually(lambda: len(logs) == 6)
        await loop.stop()
    assert [(each["event"], each["log_level"], each["loop"]) for each in logs] == [
        ("loop_failed", "error", "ticking"),
        ("loop_failed", "warning", "ticking"),
        ("loop_failed", "error", "ticking"),  # a wrong setting, although it waits like an outage
        ("loop_recovered", "info", "ticking"),
        ("loop_failed", "error", "ticking"),
        ("loop_recovered", "info", "ticking"),
    ]


async def test_loop_is_ready_only_while_its_ticks_succeed() -> None:
    loop = Ticking()
    await loop.start()
    await eventually(loop.ready.is_set)
    loop.errors = [RuntimeError()] * 1_000_000
    await eventually(lambda: not loop.ready.is_set())
    loop.errors = []
    await eventually(loop.ready.is_set)
    await loop.stop()
    assert not loop.ready.is_set()


async def test_wakeup_starts_the_next_tick_at_once() -> None:
    loop = Ticking(every_seconds=HOUR)
    await loop.start()
    await eventually(lambda: loop.ticks == 1)
    loop.wakeup.set()
    await eventually(lambda: loop.ticks == 2)
    await loop.stop()


async def test_hook_that_raises_does_not_end_the_loop() -> None:
    class Careless(Ticking):
        def tick_failed(self, error: BaseException) -> None:
            raise ValueError("no text for this error")

    loop = Careless(RuntimeError(), RuntimeError())
    await loop.start()
    await eventually(loop.ready.is_set)
    await loop.stop()


async def slow_loop(work: Callable[[], Awaitable[object]]) -> tuple[FunctionLoop, list[str]]:
    """A loop during its first tick, and the tick's end."""
    begun, seen = asyncio.Event(), list[str]()

    async def tick() -> None:
        begun.set()
        try:
            await work()
            seen.append("done")
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    loop = FunctionLoop(tick, name="slow", every_seconds=HOUR)
    await loop.start()
    await begun.wait()
    return loop, seen


async def test_drain_awaits_the_running_tick_and_begins_no_other() -> None:
    release = asyncio.Event()
    loop, seen = await slow_loop(release.wait)
    draining = asyncio.create_task(loop.drain(10))
    await asyncio.sleep(0)
    release.set()
    await draining
    assert seen == ["done"]
    await loop.stop()
    assert seen == ["done"]


async def test_stop_cancels_a_tick_that_outlives_the_drain() -> None:
    loop, seen = await slow_loop(asyncio.Event().wait)
    await loop.drain(0)
    assert seen == []
    await loop.stop()
    await loop.stop()
    assert seen == ["cancelled"]


async def test_stop_ends_a_loop_whose_tick_swallows_the_cancellation() -> None:
    begun = asyncio.Event()

    async def tick() -> None:
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    loop = FunctionLoop(tick, name="stubborn", every_seconds=HOUR)
    await loop.start()
    await begun.wait()
    stopping = asyncio.create_task(loop.stop())
    await eventually(stopping.done)


async def test_stop_before_start_and_start_after_stop_work() -> None:
    loop = Ticking()
    await loop.stop()
    await loop.start()
    await eventually(loop.ready.is_set)
    await loop.stop()


async def test_tick_after_a_pause_of_zero_begins_before_new_tasks_run() -> None:
    order: list[str] = []
    started: list[asyncio.Task[None]] = []

    async def task() -> None:
        order.append("task")

    async def tick() -> float:
        order.append("tick")
        await asyncio.sleep(0)
        if started:
            return HOUR
        started.append(asyncio.create_task(task()))
        return 0.0

    loop = FunctionLoop(tick, name="twice", every_seconds=HOUR)
    await loop.start()
    await eventually(lambda: len(order) == 3)
    await loop.stop()
    assert order == ["tick", "tick", "task"]
