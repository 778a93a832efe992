"""The end of a process is bounded, also when its parts do not end."""

import asyncio
import os
import signal
from typing import Any

import pytest

from waypost.engine import process
from waypost.engine.process import Independent, Process
from waypost.kernel.errors import Misconfigured, PartEnded
from waypost.testing.eventually import eventually


class Part:
    """Records its calls."""

    def __init__(self, name: str, calls: list[tuple[str, str]]) -> None:
        self.name = name
        self.ready = asyncio.Event()
        self._calls = calls

    async def start(self) -> None:
        self._calls.append((self.name, "start"))

    async def drain(self, deadline_seconds: float) -> None:
        self._calls.append((self.name, "drain"))

    async def stop(self) -> None:
        self._calls.append((self.name, "stop"))


class Hanging(Part):
    """Waits without end for a server that does not answer."""

    async def drain(self, deadline_seconds: float) -> None:
        await super().drain(deadline_seconds)
        await asyncio.Event().wait()

    async def stop(self) -> None:
        await super().stop()
        await asyncio.Event().wait()


class Draining(Part):
    """Uses all the time of its drain."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seconds = -1.0

    async def drain(self, deadline_seconds: float) -> None:
        self.seconds = deadline_seconds
        await asyncio.sleep(deadline_seconds)


class Ignoring(Part):
    """Ignores that it is cancelled."""

    released = False

    async def stop(self) -> None:
        while not self.released:
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("PART_ABORT_SECONDS", "PART_STOP_SECONDS"):
        monkeypatch.setattr(process, limit, 0.05)


class Breaking(Part):
    """Fails when a test sets the event."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.failed = asyncio.Event()


async def run_until_signal(running: Process) -> None:
    asyncio.get_running_loop().call_later(0.02, os.kill, os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(20):
        await running.run()


async def test_a_part_that_never_ends_does_not_prevent_the_end_of_the_others() -> None:
    calls: list[tuple[str, str]] = []
    parts = [Part("first", calls), Hanging("silent", calls), Part("last", calls)]
    await run_until_signal(Process(parts, drain_seconds=0.05))
    ends = [("last", "drain"), ("last", "stop"), ("silent", "drain"), ("silent", "stop")]
    assert calls[3:] == [*ends, ("first", "drain"), ("first", "stop")]


async def test_a_part_that_never_starts_does_not_prevent_the_end() -> None:
    calls: list[tuple[str, str]] = []

    class Waiting(Part):
        async def start(self) -> None:
            await super().start()
            await asyncio.Event().wait()

    await run_until_signal(Process([Part("first", calls), Waiting("silent", calls), Part("last", calls)]))
    starts = [("first", "start"), ("silent", "start")]
    assert calls == [*starts, ("silent", "drain"), ("silent", "stop"), ("first", "drain"), ("first", "stop")]


async def test_a_cancelled_process_leaves_no_start_behind() -> None:
    class Starting(Part):
        async def start(self) -> None:
            await super().start()
            await asyncio.Event().wait()

    before, calls = asyncio.all_tasks(), list[tuple[str, str]]()
    running = asyncio.create_task(Process([Starting("starting", calls)]).run())
    await eventually(lambda: calls)
    running.cancel()
    await asyncio.wait([running])
    await eventually(lambda: asyncio.all_tasks() == before)


async def test_the_error_of_a_start_is_raised() -> None:
    class Refusing(Part):
        async def start(self) -> None:
            raise Misconfigured("the port is in use")

    with pytest.raises(Misconfigured, match="the port is in use"):
        await Process([Refusing("server", [])]).run()


async def test_a_part_that_fails_ends_the_process_with_an_error() -> None:
    calls: list[tuple[str, str]] = []
    breaking = Breaking("server", calls)
    running = asyncio.create_task(Process([breaking, Part("last", calls)]).run())
    await eventually(lambda: ("last", "start") in calls)
    breaking.failed.set()
    async with asyncio.timeout(10):
        with pytest.raises(PartEnded, match="server ended without being asked to"):
            await running
    assert calls[2:] == [("last", "drain"), ("last", "stop"), ("server", "drain"), ("server", "stop")]


async def test_a_part_that_fails_during_the_start_of_another_ends_the_process() -> None:
    calls: list[tuple[str, str]] = []

    class Waiting(Part):
        async def start(self) -> None:
            await super().start()
            await asyncio.Event().wait()

    breaking = Breaking("server", calls)
    running = asyncio.create_task(Process([breaking, Waiting("silent", calls)]).run())
    await eventually(lambda: ("silent", "start") in calls)
    breaking.failed.set()
    async with asyncio.timeout(10):
        with pytest.raises(PartEnded):
            await running


async def test_a_process_that_is_asked_to_stop_ends_without_an_error() -> None:
    await run_until_signal(Process([Breaking("server", [])]))


async def test_all_parts_share_the_time_of_a_drain() -> None:
    parts = [Draining("first", []), Draining("last", [])]
    await run_until_signal(Process(parts, drain_seconds=0.2))
    assert parts[1].seconds == pytest.approx(0.2, abs=0.01)
    assert parts[0].seconds < 0.01


class DrainingBeside(Draining, Independent):
    """One of several consumers."""


async def test_independent_neighbours_have_all_the_time_of_a_drain_each() -> None:
    calls: list[tuple[str, str]] = []
    beside = [DrainingBeside(str(number), calls) for number in range(3)]
    earlier = Draining("relay", calls)
    await run_until_signal(Process([earlier, *beside], drain_seconds=0.2))
    assert {part.seconds for part in beside} == {beside[0].seconds}
    assert beside[0].seconds == pytest.approx(0.2, abs=0.01)
    assert earlier.seconds < 0.01, "a part that others use drained beside them"
    assert calls[-1] == ("relay", "stop")


async def test_the_end_is_known_before_the_first_part_drains() -> None:
    ending, seen = asyncio.Event(), list[bool]()

    class Seeing(Part):
        async def drain(self, deadline_seconds: float) -> None:
            seen.append(ending.is_set())

    await run_until_signal(Process([Seeing("server", [])], ending=ending))
    assert seen == [True]


async def test_a_process_that_does_not_end_exits_at_its_deadline() -> None:
    part = Ignoring("stalled", [])

    def exit_at_once() -> None:
        part.released = True

    await run_until_signal(Process([part], drain_seconds=0, exit_after_seconds=0.1, at_deadline=exit_at_once))
    assert part.released
